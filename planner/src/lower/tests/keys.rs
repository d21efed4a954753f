//! Keys that are declared, and tables that are summed per identifier before a join.

use super::*;
use crate::plan::{HashedJoin, Multiplicity};

const PARTIES: &str = r#"
version = 1
name = "shop"
party = [{ name = "a", seat = 0 }, { name = "b", seat = 1 }, { name = "c", seat = 2 }]
"#;

const ITEMS: &str = r#"
version = 1
release = { min_people = 1 }
[table.items]
max_rows = 12
[table.items.column]
item_of = { type = "BIGINT", bounds = [0, 99], max_rows_per_value = 3, allow = ["join", "group"] }
part = { type = "BIGINT", bounds = [0, 99], nullable = false, allow = ["join", "group"] }
shop = { type = "BIGINT", bounds = [0, 99], nullable = false, allow = ["join"] }
pieces = { type = "INTEGER", bounds = [0, 50], allow = ["filter", "aggregate"] }
price = { type = "DECIMAL(6,2)", bounds = [0, 100], nullable = false, allow = ["filter", "aggregate"] }
"#;

const ORDERS: &str = r#"
version = 1
release = { min_people = 1 }
[table.orders]
person = "customer"
max_rows = 8
max_rows_per_person = 4
[table.orders.column]
id = { type = "BIGINT", bounds = [0, 99], max_rows_per_value = 1, nullable = false, allow = ["join", "group"] }
customer = { type = "BIGINT", bounds = [0, 99], nullable = false, allow = ["join"] }
level = { type = "INTEGER", bounds = [0, 9], allow = ["group", "filter", "aggregate"] }
"#;

const OFFERS: &str = r#"
version = 1
release = { min_people = 1 }
[table.offers]
max_rows = 10
unique = [["part", "shop"]]
[table.offers.column]
part = { type = "BIGINT", bounds = [0, 99], nullable = false, allow = ["join", "group"] }
shop = { type = "BIGINT", bounds = [0, 99], nullable = false, allow = ["join"] }
cost = { type = "DECIMAL(6,2)", bounds = [0, 100], allow = ["filter", "aggregate"] }
"#;

fn policies(items: &str, orders: &str, offers: &str) -> Federation {
    federation(PARTIES, &[("a", items), ("b", orders), ("c", offers)])
}

fn shop() -> (Federation, Data) {
    let federation = policies(ITEMS, ORDERS, OFFERS);
    let items = "item_of,part,shop,pieces,price\n1,1,1,5,1.50\n1,2,1,,2.25\n1,1,2,7,3.00\n2,1,1,1,4.10\n2,3,1,2,5.00\n\
                 4,2,2,9,6.99\n,1,1,3,7.00\n,3,2,3,7.00\n,5,1,3,7.00\n,5,2,3,7.00\n9,2,1,4,8.00";
    let orders = "id,customer,level\n1,1,3\n2,1,\n3,2,5\n4,3,3\n5,3,7";
    let offers = "part,shop,cost\n1,1,0.50\n1,2,0.70\n2,1,1.10\n3,1,\n4,1,9.00";
    let data = data(&federation, &[("a.items", items), ("b.orders", orders), ("c.offers", offers)]);
    (federation, data)
}

fn joins(federation: &Federation, sql: &str) -> Vec<HashedJoin> {
    let Planned::Secure(checked) = crate::plan(federation, &Session::default(), sql).expect(sql) else {
        panic!("{sql}")
    };
    let join = |node: &Node| match node {
        Node::HashedJoin(join) => Some(join.clone()),
        _ => None,
    };
    checked.plan.nodes.iter().filter_map(join).collect()
}

#[test]
fn the_rows_that_stay_are_those_that_declared_keys_leave() {
    let (federation, data) = shop();
    let star = "FROM b.orders o JOIN a.items i ON o.id = i.item_of JOIN c.offers f ON f.part = i.part AND f.shop = i.shop";
    for sql in [
        format!("SELECT COUNT(*), SUM(i.price - f.cost * i.pieces), AVG(o.level) {star}"),
        format!("SELECT o.level, i.part, SUM(i.pieces) {star} GROUP BY o.level, i.part"),
        format!("SELECT COUNT(*), MIN(o.level + f.cost) {star} WHERE f.cost < i.price AND o.level > 1")
            .replace("MIN", "AVG"),
    ] {
        check(&federation, &data, &sql);
        let most: Vec<usize> = joins(&federation, &sql).iter().map(|join| join.stay_key.max_rows).collect();
        assert_eq!(most, [3, 12], "{sql}");
    }
    // A column of which nothing is declared: as many rows as its table has.
    let sql = "SELECT COUNT(*) FROM a.items i JOIN b.orders o ON i.part = o.id WHERE i.pieces > o.level";
    check(&federation, &data, sql);
    assert_eq!(joins(&federation, sql)[0].stay_key.max_rows, 12);
}

#[test]
fn two_sides_with_several_rows_are_joined_part_by_part() {
    let (_, data) = shop();
    let sql = "SELECT COUNT(*), AVG(x.pieces + y.cost) FROM a.items x JOIN c.offers y ON x.part = y.part";
    let items = ITEMS.replace("part = {", "part = { max_rows_per_value = 4,");
    let offers = OFFERS.replace("part = {", "part = { max_rows_per_value = 2,");
    let federation = policies(&items, ORDERS, &offers);
    check(&federation, &data, sql);
    assert_eq!(joins(&federation, sql).len(), 2);
}

/// How often a column repeats that is no person's and of which nothing is declared, a number of rows per person does not say.
#[test]
fn nothing_is_taken_for_granted_where_a_person_has_several_rows() {
    let (_, data) = shop();
    let several = |text: &str, rows: u64| {
        let old = text.lines().find(|line| line.starts_with("max_rows = ")).unwrap_or_default();
        text.replace(old, &format!("person = \"shop\"\nmax_rows_per_person = 10\nmax_rows = {rows}"))
    };
    let sql = "SELECT COUNT(*), AVG(x.pieces + y.cost) FROM a.items x JOIN c.offers y ON x.part = y.part";
    let (items, offers) = (several(ITEMS, 120), several(OFFERS, 100));
    let federation = policies(&items, ORDERS, &offers);
    let error = secure(&federation, &data, sql).expect_err(sql);
    assert_eq!(error.class, Class::Refused, "{error}");
    assert!(error.hint.is_some_and(|hint| hint.contains("max_rows_per_value")));
    // A few rows may all have one part.
    check(&policies(&several(ITEMS, 12), ORDERS, &several(OFFERS, 10)), &data, sql);
    let declared = |text: &str| text.replace("part = {", "part = { max_rows_per_value = 4,");
    check(&policies(&declared(&items), ORDERS, &declared(&offers)), &data, sql);
    // Such rows stay, all of them, beside one of a declared key.
    let sql = "SELECT COUNT(*) FROM a.items i JOIN b.orders o ON i.part = o.id WHERE i.pieces > o.level";
    check(&federation, &data, sql);
    assert_eq!(joins(&federation, sql).iter().map(|join| join.stay_key.max_rows).collect::<Vec<_>>(), [120]);
    check(&federation, &data, "SELECT COUNT(*) FROM a.items x JOIN c.offers y ON x.shop = y.shop");
}

/// Whether all joins of a query are one to one.
fn is_summed_first(federation: &Federation, sql: &str) -> bool {
    joins(federation, sql).iter().all(|join| join.multiplicity == Multiplicity::OneToOne)
}

#[test]
fn sums_of_several_rows_are_made_before_the_join() {
    let (federation, data) = shop();
    let join = "FROM b.orders o JOIN a.items i ON o.id = i.item_of";
    for sql in [
        format!("SELECT COUNT(*), SUM(i.pieces), SUM(i.price * (100 - i.price)) {join}"),
        format!(
            "SELECT o.level, COUNT(*), SUM(i.pieces) {join} WHERE i.price > 2 AND o.level > 1 GROUP BY o.level"
        ),
        format!("SELECT o.id, SUM(i.pieces) AS n {join} GROUP BY o.id ORDER BY n DESC, id LIMIT 2"),
        format!("SELECT i.item_of, SUM(i.price) {join} GROUP BY i.item_of HAVING SUM(i.price) > 5"),
        format!("SELECT COUNT(*), SUM(i.pieces), SUM(i.price) / 7 {join} WHERE i.price > 90"),
        format!("SELECT AVG(i.pieces), COUNT(i.pieces) {join}"),
        format!("SELECT o.level, AVG(i.price) FILTER (WHERE i.pieces > 2) {join} GROUP BY o.level"),
        format!("SELECT COUNT(*), SUM(CASE WHEN i.pieces > 2 THEN i.price ELSE 0 END) {join}"),
        "SELECT COUNT(*), SUM(i.price) FROM a.items i JOIN b.orders o ON HASHED(o.id) = HASHED(i.item_of)"
            .into(),
    ] {
        check(&federation, &data, &sql);
        assert!(is_summed_first(&federation, &sql), "{sql}");
    }
    for sql in [
        format!("SELECT SUM(i.pieces + o.level) {join}"),
        format!("SELECT SUM(i.price) {join} WHERE i.pieces > o.level"),
        format!("SELECT i.part, SUM(i.price) {join} GROUP BY i.part"),
        format!("SELECT SUM(i.price), SUM(o.level) {join}"),
        "SELECT SUM(i.price) FROM a.items i LEFT JOIN b.orders o ON o.id = i.item_of".into(),
    ] {
        check(&federation, &data, &sql);
        assert!(!is_summed_first(&federation, &sql), "{sql}");
    }
}

#[test]
fn sums_are_not_made_first_where_persons_or_counts_would_change() {
    let join = "FROM b.orders o JOIN a.items i ON o.id = i.item_of";
    let sql = format!("SELECT COUNT(*), SUM(i.price) {join}");
    let rounded = ORDERS.replace("min_people = 1", "min_people = 1, round_counts = 5");
    let federation = policies(ITEMS, &rounded, OFFERS);
    assert!(!is_summed_first(&federation, &sql));
    // Every item is a person: that many would be one after the sum.
    let few = ITEMS.replace("min_people = 1", "min_people = 4");
    let federation = policies(&few, ORDERS, OFFERS);
    assert!(!is_summed_first(&federation, &sql));
    assert_eq!(cells(&federation, &shop().1, &sql), "6,22.84");
    // The identifier is the person: the same persons, before and after.
    let persons =
        few.replace("max_rows = 12", "person = \"item_of\"\nmax_rows = 12\nmax_rows_per_person = 3");
    let federation = policies(&persons, ORDERS, OFFERS);
    assert!(is_summed_first(&federation, &sql));
    assert_eq!(cells(&federation, &shop().1, &sql), "-,-");
    let three = persons.replace("min_people = 4", "min_people = 3");
    let federation = policies(&three, ORDERS, OFFERS);
    assert_eq!(cells(&federation, &shop().1, &sql), "6,22.84");
    let condition = format!("SELECT SUM(CASE WHEN i.pieces > 2 THEN i.price ELSE 0 END) {join}");
    assert!(!is_summed_first(&federation, &condition), "who is neutral in a condition is not counted");
}

#[test]
fn rows_with_several_partners_among_several_owners_count_once() {
    let (_, tables) = shop();
    let policy = OFFERS.replace(
        "[table.offers]",
        "[table.shops]\nmax_rows = 3\n[table.shops.column]\n\
         shop = { type = \"BIGINT\", bounds = [0, 99], max_rows_per_value = 1, nullable = false, allow = [\"join\"] }\n\
         town = { type = \"TEXT\", values = [\"a\", \"b\"], allow = [\"group\", \"filter\", \"aggregate\"] }\n[table.offers]",
    );
    let federation = policies(ITEMS, ORDERS, &policy);
    let mut all = data(&federation, &[("c.shops", "shop,town\n1,a\n2,b\n3,b")]);
    all.extend(tables);
    let offered = "SELECT f.shop FROM c.offers f WHERE f.cost < (SELECT 0.5 * SUM(i.price) FROM a.items i WHERE i.part = f.part AND i.shop = f.shop)";
    for sql in [
        format!("SELECT COUNT(*) FROM c.shops s WHERE s.shop IN ({offered})"),
        format!("SELECT s.town, COUNT(*) FROM c.shops s WHERE s.shop IN ({offered}) GROUP BY s.town"),
        format!(
            "SELECT COUNT(*), COUNT(DISTINCT s.town) FROM c.shops s WHERE s.town = 'a' AND s.shop IN ({offered})"
        ),
    ] {
        check(&federation, &all, &sql);
    }
    let sum = format!("SELECT SUM(s.shop) FROM c.shops s WHERE s.shop IN ({offered})")
        .replace("SUM(s.shop)", "COUNT(*) FILTER (WHERE s.town = 'a')");
    let error = secure(&federation, &all, &sum).unwrap_err();
    assert!(error.message.contains("for more than COUNT(*)"), "{error}");
}

/// What broke: of an identifier of which nothing is declared, the sums before a join took for granted that no more rows have
/// it than one person has, and valid data were refused at the owner. What holds: as many rows as there are may have it.
#[test]
fn rows_of_an_undeclared_identifier_are_bounded_by_the_table() {
    let orders = ORDERS.replace("max_rows_per_person = 4", "max_rows_per_person = 2").replace(
        "allow = [\"group\", \"filter\", \"aggregate\"]",
        "allow = [\"join\", \"filter\", \"aggregate\"]",
    );
    let offers = OFFERS.replace("unique = [[\"part\", \"shop\"]]", "unique = [[\"part\"]]");
    let federation = policies(ITEMS, &orders, &offers);
    let orders = "id,customer,level\n1,1,3\n2,1,3\n3,2,3\n4,2,3\n5,3,3\n6,3,7\n7,4,";
    let offers = "part,shop,cost\n3,1,0.50\n7,2,0.70\n8,1,1.10";
    let data = data(
        &federation,
        &[
            ("a.items", "item_of,part,shop,pieces,price\n1,1,1,1,1.00"),
            ("b.orders", orders),
            ("c.offers", offers),
        ],
    );
    for (on, group) in [
        ("o.level = f.part", ""),
        ("HASHED(o.level) = HASHED(f.part)", ""),
        ("o.level = f.part", " GROUP BY f.part"),
    ] {
        let sql = format!(
            "SELECT SUM(o.level), COUNT(*), AVG(o.level) FROM b.orders o JOIN c.offers f ON {on}{group}"
        );
        assert!(is_summed_first(&federation, &sql), "{sql}");
        let found = secure(&federation, &data, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        same(&sql, &found, &clear(&federation, &data, &sql), false);
    }
}

/// What broke: a join of an owner's own tables on `HASHED` of their persons was not seen as one of unique identifiers, so that
/// three tables of a hundred rows had a bound of a million. What holds: it is, and where values of different spelling may have
/// one normal form, the owner checks it.
#[test]
fn joins_on_normal_forms_at_an_owner_keep_uniqueness() {
    let (federation, data) = heart();
    let input = |sql: &str| {
        let Planned::Secure(checked) = crate::plan(&federation, &Session::default(), sql).expect(sql) else {
            panic!("{sql}")
        };
        let inputs = checked.plan.nodes.iter().filter_map(|node| match node {
            Node::Input(input) => Some((input.bound, input.taken.len())),
            _ => None,
        });
        inputs.collect::<Vec<_>>()
    };
    let chain = |on: &dyn Fn(&str, &str) -> String| {
        format!(
            "SELECT COUNT(*), SUM(x.age + z.age), COUNT(DISTINCT x.patient_id) FROM hospital.lifestyle x \
             JOIN hospital.lifestyle y ON {} JOIN hospital.lifestyle z ON {}",
            on("x", "y"),
            on("y", "z")
        )
    };
    let plain = chain(&|a, b| format!("{a}.patient_id = {b}.patient_id"));
    assert_eq!(input(&plain), [(100, 0)]);
    let hashed = chain(&|a, b| format!("HASHED({a}.patient_id) = HASHED({b}.patient_id)"));
    assert_eq!(input(&hashed), [(100, 3)]);
    for sql in [plain, hashed] {
        same(&sql, &secure(&federation, &data, &sql).unwrap(), &clear(&federation, &data, &sql), false);
    }
    let several = "SELECT SUM(v.value) FROM hospital.labs v JOIN hospital.lifestyle h ON HASHED(v.patient_id) = HASHED(h.patient_id)";
    assert_eq!(input(several), [(200, 2)]);
    // Whole numbers of one normal form are equal.
    let (federation, data) = shop();
    let sql = "SELECT COUNT(*), SUM(o.level) FROM b.orders o JOIN b.orders p ON HASHED(o.id) = HASHED(p.id)";
    let Planned::Secure(checked) = crate::plan(&federation, &Session::default(), sql).unwrap() else {
        panic!("{sql}")
    };
    assert!(
        matches!(&checked.plan.nodes[0], Node::Input(input) if input.bound == 8 && input.taken.is_empty())
    );
    same(sql, &secure(&federation, &data, sql).unwrap(), &clear(&federation, &data, sql), false);
}
