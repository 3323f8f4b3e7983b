//! Taking units out again: before the run, in each of its phases, and what is refused (L3).

mod common;

use std::sync::{Arc, Mutex, OnceLock, mpsc};

use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{
    BoxError, Configured, ErrorKind, Event, Flag, Group, GroupHandle, ServeContext, Service,
    StopReason, Unit, UnitId, UnitState, pre_run_fn, service_fn,
};

#[test]
fn l3_a_unit_deregistered_before_the_run_takes_part_in_nothing() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let gone = group.register(journal.script("gone").all_phases()).id();
        group.register(journal.script("stays").finish());
        let ended = group.deregister(gone).unwrap();
        assert!(ended.wait().unwrap().is_ok(), "there is nothing to wait for");
        group.run().unwrap();
        assert!(journal.entries().iter().all(|it| it.starts_with("stays")), "{journal:?}");
    });
}

#[test]
fn l3_its_flag_and_its_name_are_free_again() {
    within(SOON, || {
        let journal = Journal::new();
        let (old, new) = (Flag::new("size", 1, "old"), Flag::new("size", 2, "new"));
        let mut group = Group::new("demo").args(["demo", "--size=3"]);
        let id = group.register(journal.script("store").without_service().flag(&old)).id();
        group.deregister(id).unwrap();
        group.register(journal.script("store").without_service().flag(&new));
        group.run().unwrap();
        assert_eq!((*old.get(), *new.get()), (1, 3));
    });
}

#[test]
fn l3_a_unit_deregistered_between_config_and_run_is_not_pre_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let gone = group.register(journal.script("gone").all_phases()).id();
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        group.deregister(gone).unwrap();
        group.run().unwrap();
        assert_eq!(journal.entries(), ["gone flag_set", "gone validate"]);
    });
}

#[test]
fn l3_a_pre_run_can_deregister_units_that_are_still_to_come() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let id = Arc::new(OnceLock::new());
        let whom = id.clone();
        group.register(journal.script("first").without_service().pre_run(move |ctx| {
            ctx.handle().deregister(*whom.get().unwrap())?;
            Ok(())
        }));
        id.set(group.register(journal.script("second").all_phases()).id()).unwrap();
        group.run().unwrap();
        assert_eq!(journal.units("pre_run"), ["first"]);
        assert_eq!(journal.units("serve"), [""; 0]);
        assert_eq!(journal.units("post_run"), ["first"]);
    });
}

#[test]
fn l3_a_pre_run_can_deregister_itself_and_those_before_it_which_are_cleaned_up_but_not_served() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let before = group.register(journal.script("before").all_phases()).id();
        let own = Arc::new(OnceLock::new());
        let whom = own.clone();
        let registration =
            group.register(journal.script("itself").all_phases().pre_run(move |ctx| {
                ctx.handle().deregister(before)?;
                ctx.handle().deregister(*whom.get().unwrap())?;
                Ok(())
            }));
        own.set(registration.id()).unwrap();
        group.register(journal.script("end").serve(|ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
        assert_eq!(journal.units("serve"), ["end"]);
        assert_eq!(journal.units("post_run"), ["itself", "before"]);
    });
}

#[test]
fn l3_deregistering_while_serving_stops_that_unit_alone_and_the_ticket_tells_when() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let log = journal.clone();
        let gone = group.register(journal.script("gone").serve(move |ctx| {
            assert_eq!(ctx.stopped().wait(), &StopReason::Deregistered);
            log.note("gone is told");
            let log = log.clone();
            ctx.spawn("rest", move |_ctx| log.note("gone has ended"))?;
            Ok(())
        }));
        let gone = gone.id();
        let log = journal.clone();
        group.register(journal.script("stays").serve(move |ctx| {
            ctx.handle().wait_till_ready()?;
            let ended = ctx.handle().deregister(gone)?;
            assert!(ended.wait()?.is_ok());
            assert!(log.has("gone has ended"), "{:?}", log.entries());
            assert!(!ctx.stopped().is_stopped(), "its end does not end the group");
            ctx.handle().stop("seen");
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::from("seen"));
        assert_eq!(journal.count("gone graceful_stop"), 1);
    });
}

#[test]
fn l3_a_unit_that_waits_to_start_can_be_taken_out_and_never_starts() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let next = Arc::new(OnceLock::new());
        let whom = next.clone();
        let first = journal.script("first").serve(move |ctx| {
            let state = || ctx.handle().snapshot().units[1].state;
            assert_eq!(state(), UnitState::New);
            let ended = ctx.handle().deregister(*whom.get().unwrap())?;
            assert!(ended.wait()?.is_ok());
            assert_eq!(state(), UnitState::Stopped, "the ticket was true");
            ctx.ready();
            ctx.handle().wait_till_ready()?; // the other one is not waited for
            Ok(())
        });
        let first = group.register(first.declares_ready()).id();
        next.set(group.register(journal.script("next").all_phases()).after(first).id()).unwrap();
        group.run().unwrap();
        assert_eq!(journal.units("serve"), ["first"]);
        assert_eq!(journal.units("graceful_stop"), ["first"]);
    });
}

#[test]
fn l3_deregistering_what_another_comes_after_is_refused_and_names_it() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let store = group.register(service_fn("store", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let store = store.id();
        let server = group.register(service_fn("server", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let server = server.after(store).id();
        let text = "unit 'store' is in use: 'server' comes after it";
        // Before the run, …
        let error = group.deregister(store).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InUse, text));
        // … in the pre-run phase, …
        group.register(pre_run_fn("look", move |ctx| {
            let error = ctx.handle().deregister(store).unwrap_err();
            assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InUse, text));
            Ok(())
        }));
        // … and while serving, until the other has gone.
        group.register(service_fn("end", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let error = ctx.handle().deregister(store).unwrap_err();
            assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InUse, text));
            ctx.handle().deregister(server)?.wait()?;
            ctx.handle().deregister(store)?.wait()?;
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l3_what_was_prepared_for_a_service_can_be_taken_out_when_that_has_ended() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let scratch = group.register(pre_run_fn("scratch", |_ctx| Ok(()))).id();
        let events = Mutex::new(group.handle().events(64));
        let (send, go_on) = mpsc::channel::<()>();
        let go_on = Mutex::new(go_on);
        let import = service_fn("import", move |_ctx| Ok(go_on.lock().unwrap().recv()?));
        group.register(import).after(scratch).task();
        group.register(service_fn("end", move |ctx| {
            let error = ctx.handle().deregister(scratch).unwrap_err();
            let text = "unit 'scratch' is in use: 'import' comes after it";
            assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InUse, text));
            send.send(())?;
            let is_it =
                |event: &Event| matches!(event, Event::Stopped { unit, .. } if &**unit == "import");
            events.lock().unwrap().iter().find(is_it).expect("the task is done");
            ctx.handle().deregister(scratch)?.wait()?;
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l3_foreign_and_spent_ids_are_unknown_and_after_the_run_nothing_is_deregistered() {
    within(SOON, || {
        let mut other = Group::new("other").args(["other"]);
        let foreign = other.register(service_fn("same", |_| Ok(()))).id();
        let mut group = Group::new("demo").args(["demo"]);
        let own = group.register(service_fn("same", |_| Ok(()))).id();
        let spent = group.register(service_fn("spent", |_| Ok(()))).id();
        assert_eq!(group.deregister(foreign).unwrap_err().kind(), ErrorKind::UnknownUnit);
        group.deregister(spent).unwrap();
        assert_eq!(group.deregister(spent).unwrap_err().kind(), ErrorKind::UnknownUnit);
        group.run().unwrap();
        assert_eq!(group.deregister(own).unwrap_err().kind(), ErrorKind::Stopped);
    });
}

#[test]
fn l3_deregistering_is_possible_between_the_pre_runs_and_the_first_serve() {
    /// Its `declares_ready` is asked when the pre-runs are done and nothing serves yet.
    struct Between {
        whom: UnitId,
        group: GroupHandle,
    }
    impl Unit for Between {
        fn name(&self) -> &'static str {
            "between"
        }
        fn as_service(&self) -> Option<&dyn Service> {
            Some(self)
        }
    }
    impl Service for Between {
        fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
            Ok(ctx.handle().wait_till_ready()?)
        }
        fn declares_ready(&self) -> bool {
            self.group.deregister(self.whom).unwrap();
            false
        }
    }
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let whom = group.register(journal.script("gone").all_phases()).id();
        let unit = Between { whom, group: group.handle() };
        group.register(unit);
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::UnitStopped("between".into()));
        assert!(!journal.has("gone serve"));
    });
}
