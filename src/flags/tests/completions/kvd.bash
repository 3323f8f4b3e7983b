# Completions for bash, 4 or later.
_complete_kvd() {
    local names=(-n --name -c --config --completions -h --help -V --version --check --print-config --man -l --listen --peer -v --verbose -d --store-data --store-memory --store-flush --store-sync)
    local -A long=([-n]=--name [-c]=--config [-h]=--help [-V]=--version [-l]=--listen [-v]=--verbose [-d]=--store-data)
    local -A takes=([--name]=any [--config]=files [--completions]=listed [--help]=nothing [--version]=nothing [--check]=nothing [--print-config]=nothing [--man]=nothing [--listen]=any [--peer]=any [--verbose]=switch [--store-data]=files [--store-memory]=any [--store-flush]=any [--store-sync]=listed)
    local -A repeats=([--peer]=1)
    local arguments=files
    local line=${COMP_LINE:0:COMP_POINT} words=('') last=0 i blank
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
        --completions) listed=('bash' 'zsh' 'fish') ;;
        --store-sync) listed=('always' 'never') ;;
    esac

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
complete -F _complete_kvd -- 'kvd'
