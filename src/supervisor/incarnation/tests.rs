//! What an incarnation says, without an engine that would take it.

use super::*;
use crate::Group;
use crate::context::Incarnation as _;
use crate::stop::{Scope, StopLatch};
use crate::supervisor::publish::Publisher;

/// It is the engine that says that it was called, and it has to before the unit is over.
#[test]
fn l8_a_callback_that_comes_when_the_unit_is_told_is_not_overtaken_by_its_return() {
    let (notify, notices) = crossbeam_channel::unbounded();
    let (run_stop, publisher) = (Arc::new(StopLatch::new()), Arc::new(Publisher::new(1)));
    let (board, handle) = (Arc::default(), Group::new("demo").handle());
    let reporting = Arc::new(Reporting { board, run: 1, handle, run_stop, publisher, notify });
    let stopped = StopNotify::new(Scope::Units { run: 1, first: 1, last: 1 });
    let ends = Ends { stop: StopToken::new(Arc::new(StopLatch::new())), stopped };
    let unit = Incarnation::new(1, 1, "unit".into(), ends, reporting, None);

    unit.on_stop(Box::new(|| {}));
    assert!(matches!(notices.recv(), Ok(Notice::WillCall)) && unit.in_line.get().is_none());
    assert_eq!(unit.told().len(), 1);
    unit.on_stop(Box::new(|| {}));
    assert!(unit.in_line.get().is_some(), "what it returns comes behind it");
    assert!(matches!(notices.recv(), Ok(Notice::OnStop { .. })));
}
