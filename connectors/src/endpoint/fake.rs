//! A program behind an endpoint for tests: its answers are the questions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;

/// `SELECT ...` gives its own text and values, `SLOW` never ends, `FAIL class` fails, `CREATE ...` gives no rows.
#[derive(Default)]
pub(super) struct Fake {
    /// Queries that run now.
    pub(super) running: AtomicUsize,
    /// Most queries that ran at the same time.
    pub(super) most: AtomicUsize,
    /// Queries that were ended before their answer.
    pub(super) ended: AtomicUsize,
    /// Texts of all queries that were run, with who asked.
    pub(super) log: Mutex<Vec<String>>,
}

pub(super) struct Shared(pub(super) Arc<Fake>);

struct FakeSession {
    fake: Arc<Fake>,
    analyst: String,
    options: Mutex<Option<String>>,
}

struct Guard(Arc<Fake>, bool);

impl Guard {
    fn enter(fake: &Arc<Fake>) -> Self {
        let now = fake.running.fetch_add(1, Ordering::SeqCst) + 1;
        fake.most.fetch_max(now, Ordering::SeqCst);
        Guard(Arc::clone(fake), false)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        if !self.1 {
            self.0.ended.fetch_add(1, Ordering::SeqCst);
        }
    }
}

pub(super) const CLASSES: [Class; 7] = [
    Class::Invalid,
    Class::Refused,
    Class::Source,
    Class::Peer,
    Class::Abort,
    Class::Resource,
    Class::Internal,
];

fn columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("analyst", DataType::Utf8, true),
        Field::new("question", DataType::Utf8, true),
    ]))
}

impl QueryService for Shared {
    fn catalog(&self) -> String {
        "heart".to_owned()
    }

    fn version(&self) -> String {
        "1.0".to_owned()
    }

    fn statements(&self, text: &str) -> Result<Vec<(usize, String)>> {
        let mut before = 0;
        let mut statements = Vec::new();
        for part in text.split(';') {
            let start = part.len() - part.trim_start().len();
            if !part.trim().is_empty() {
                statements.push((before + start, part.trim().to_owned()));
            }
            before += part.len() + 1;
        }
        Ok(statements)
    }

    fn open(&self, analyst: &str) -> Arc<dyn QuerySession> {
        let fake = Arc::clone(&self.0);
        Arc::new(FakeSession { fake, analyst: analyst.to_owned(), options: Mutex::default() })
    }
}

impl QuerySession for FakeSession {
    fn tables(&self) -> BoxFuture<'static, Result<Vec<Table>>> {
        let columns = Arc::new(Schema::new(vec![
            Field::new("age", DataType::Int32, true),
            Field::new("cost", DataType::Decimal128(10, 2), false),
        ]));
        let table = |schema: &str, name: &str, kind| Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind,
            columns: Arc::clone(&columns),
        };
        let tables = vec![
            table("hospital", "lifestyle", TableKind::Owned),
            table(Table::VIRTUAL, "cohort", TableKind::Virtual),
        ];
        async { Ok(tables) }.boxed()
    }

    fn shape(&self, query: &Query) -> BoxFuture<'static, Result<Shape>> {
        let open = query.sql.contains("$1") && query.arguments.is_none();
        let parameters = if open { vec![Field::new("1", DataType::Int64, true)] } else { Vec::new() };
        let columns = (!query.sql.starts_with("CREATE")).then(columns);
        let known = ["SELECT", "SLOW", "FAIL", "CREATE"].iter().any(|word| query.sql.starts_with(word));
        async move {
            if known { Ok(Shape { columns, parameters }) } else { Err(Error::invalid("no such statement")) }
        }
        .boxed()
    }

    fn run(&self, query: Query, observer: Observer) -> BoxFuture<'static, Result<Answer>> {
        let (fake, analyst) = (Arc::clone(&self.fake), self.analyst.clone());
        async move {
            let mut guard = Guard::enter(&fake);
            fake.log.lock().unwrap().push(format!("{analyst}: {}", query.sql));
            observer(Progress { fraction: Some(0.5), stage: "join".to_owned() });
            if query.sql.starts_with("SLOW") {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            guard.1 = true;
            if let Some(name) = query.sql.strip_prefix("FAIL ") {
                let class = CLASSES.into_iter().find(|class| class.name() == name).unwrap();
                return Err(Error::new(class, "it failed").with_hint("do something else"));
            }
            if query.sql.starts_with("CREATE") {
                return Ok(Answer { rows: None, tag: "CREATE VIRTUAL TABLE", notices: Vec::new() });
            }
            let values = query.arguments.unwrap_or_default().join(", ");
            let text = |text: String| Arc::new(StringArray::from(vec![text])) as ArrayRef;
            let columns_of_row = vec![text(analyst), text(format!("{}|{values}", query.sql))];
            let batch = RecordBatch::try_new(columns(), columns_of_row).unwrap();
            let notices = vec!["rounded".to_owned()];
            let rows = Some(Rows { schema: columns(), batches: vec![batch] });
            Ok(Answer { rows, tag: "SELECT", notices })
        }
        .boxed()
    }

    fn lookup(&self, _sql: &str) -> BoxFuture<'static, Option<Result<Rows>>> {
        async { None }.boxed()
    }

    fn options(&self) -> Vec<(String, Option<String>)> {
        vec![("timeout".to_owned(), self.options.lock().unwrap().clone())]
    }

    fn set_option(&self, name: &str, value: &str) -> Result<()> {
        if name != "timeout" || value == "soon" {
            return Err(Error::invalid("no"));
        }
        *self.options.lock().unwrap() = Some(value.to_owned());
        Ok(())
    }
}
