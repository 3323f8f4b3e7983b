//! For bash, 4 or later, and nothing but bash: the package bash-completion is not needed. The
//! function is the same for every program, but for what it looks up.

use std::fmt::Write as _;

use super::{Offer, Value, function, quoted};

pub(super) fn script(program: &str, flags: &[Offer<'_>], takes_files: bool) -> String {
    let function = function(program);
    let arguments = if takes_files { "files" } else { "nothing" };
    let mut script = format!("# Completions for bash, 4 or later.\n{function}() {{\n");
    let _ = writeln!(script, "    local names=({})", names(flags));
    let _ = writeln!(script, "    local -A long=({})", long(flags));
    let _ = writeln!(script, "    local -A takes=({})", takes(flags));
    let _ = writeln!(script, "    local -A repeats=({})", repeats(flags));
    let _ = writeln!(script, "    local arguments={arguments}");
    script.push_str(READ);
    for flag in flags {
        if let Value::Listed(values) = &flag.value {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            let _ = writeln!(script, "        --{}) listed=({}) ;;", flag.long, values.join(" "));
        }
    }
    script.push_str(OFFER);
    let _ = writeln!(script, "complete -F {function} -- {}", quoted(program));
    script
}

/// Names are made of letters, digits, '-', '.' and '_', and need no quotes.
fn names(flags: &[Offer<'_>]) -> String {
    let names = flags.iter().map(|flag| match flag.short {
        Some(short) => format!("-{short} --{}", flag.long),
        None => format!("--{}", flag.long),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// The long names of the short ones.
fn long(flags: &[Offer<'_>]) -> String {
    let short = flags.iter().filter_map(|flag| Some((flag.short?, flag.long)));
    short.map(|(short, long)| format!("[-{short}]=--{long}")).collect::<Vec<_>>().join(" ")
}

/// What kind of value each flag has.
fn takes(flags: &[Offer<'_>]) -> String {
    let kinds = flags.iter().map(|flag| {
        let kind = match flag.value {
            Value::None => "nothing",
            Value::Switch => "switch",
            Value::Listed(_) => "listed",
            Value::Files => "files",
            Value::Any => "any",
        };
        format!("[--{}]={kind}", flag.long)
    });
    kinds.collect::<Vec<_>>().join(" ")
}

fn repeats(flags: &[Offer<'_>]) -> String {
    let repeating = flags.iter().filter(|flag| flag.repeats);
    repeating.map(|flag| format!("[--{}]=1", flag.long)).collect::<Vec<_>>().join(" ")
}

/// Finds out what is to be completed: `flag` is whose value, if it is a value, and `lead` what
/// stands before it in the same word.
const READ: &str = r#"    local line=${COMP_LINE:0:COMP_POINT} words=('') last=0 i blank
    # Bash cuts words at '=' and ':', too. What has no blank between it is one.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        if [[ $blank && $i -gt 0 ]]; then
            last=$((last + 1))
            words[last]=''
        fi
        if [[ $i -eq $COMP_CWORD ]]; then
            words[last]+=$line
        else
            words[last]+=${COMP_WORDS[i]}
            line=${line#"${COMP_WORDS[i]}"}
        fi
    done

    # What is there already, and whether the last flag still lacks its value.
    local -A given=()
    local word flag open='' behind=''
    for word in "${words[@]:1:last-1}"; do
        if [[ $open ]]; then
            open=''
            continue
        fi
        case $word in
            --) behind=1; break ;;
            --*)
                given[${word%%=*}]=1
                case ${takes[$word]-} in any | listed | files) open=$word ;; esac
                ;;
            -?*)
                for ((i = 1; i < ${#word}; i++)); do
                    flag=${long[-${word:i:1}]-}
                    [[ $flag ]] || break
                    given[$flag]=1
                    case ${takes[$flag]} in
                        any | listed | files)
                            [[ ${word:i+1} ]] || open=$flag
                            break
                            ;;
                    esac
                done
                ;;
        esac
    done

    local lead=''
    word=${words[last]} flag=''
    if [[ $open ]]; then
        flag=$open
    elif [[ $behind ]]; then
        :
    elif [[ $word == --*=* ]]; then
        lead=${word%%=*}=
        flag=${lead%=}
    elif [[ $word == -[!-]?* ]]; then
        flag=${long[${word:0:2}]-}
        case ${takes[${flag:--}]-} in
            any | listed | files) lead=${word:0:2} ;;
            *) flag='' ;;
        esac
        [[ ${word:2:1} == '=' ]] && lead+='='
    fi

    local listed=(true false) kind=$arguments
    [[ $flag ]] && kind=${takes[$flag]-}
    case $flag in
"#;

/// Offers it. `$2` is what readline is about to replace: less than the word where bash has cut it,
/// and without a quote that was opened. The rest of the word is `before`.
const OFFER: &str = r#"    esac

    COMPREPLY=()
    local before=${word%"$2"} offer quote='' value=${word#"$lead"} offers=()
    case $flag:$behind:$word in
        ::-* | ::)
            # A name. Nothing at all is taken for the start of one where arguments are not taken.
            if [[ $word || $kind == nothing ]]; then
                for offer in "${names[@]}"; do
                    [[ $offer == "${word:---}"* ]] || continue
                    flag=${long[$offer]-$offer}
                    [[ ${given[$flag]-} && ! ${repeats[$flag]-} ]] && continue
                    COMPREPLY+=("${offer#"$before"}")
                done
                return
            fi
            ;;
    esac

    # The value without its quotes.
    [[ $value == [\'\"]* ]] && quote=${value:0:1} value=${value:1}
    [[ $quote != \' && $value == *\\* ]] && IFS= read value <<<"$value" # takes backslashes away
    case $kind in
        listed) offers=("${listed[@]}") ;;
        switch) [[ $lead ]] && offers=("${listed[@]}") ;;
        files)
            if [[ -z $lead || $2 != "$lead"* ]]; then
                compopt -o default # readline knows files best, if it starts where they start
                return
            fi
            mapfile -t offers <<<"$(compgen -f -- "$value")"
            ;;
    esac
    for offer in ${offers[@]+"${offers[@]}"}; do
        [[ $offer && $offer == "$value"* ]] || continue
        if [[ $kind == files && -d $offer ]]; then
            offer+=/
            compopt -o nospace
        fi
        case $quote in
            \') [[ $offer == *\'* ]] && continue ;;
            \")
                offer=${offer//\\/\\\\}
                offer=${offer//\"/\\\"}
                offer=${offer//\$/\\\$}
                offer=${offer//\`/\\\`}
                ;;
            *) printf -v offer %q "$offer" ;;
        esac
        offer=$lead$quote$offer
        [[ $offer == "$before"* ]] && COMPREPLY+=("${offer#"$before"}")
    done
}
"#;
