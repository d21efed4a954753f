//! What is refused because it might fail for some row, and which protocol groups rows.

use super::*;
use crate::plan::SecurePlan;

fn planned(session: &Session, sql: &str) -> crate::Result<SecurePlan> {
    let (federation, _) = heart();
    match crate::plan(&federation, session, sql)? {
        Planned::Secure(checked) => Ok(checked.plan),
        other => panic!("{other:?}"),
    }
}

fn sorts(plan: &SecurePlan) -> bool {
    plan.nodes.iter().any(|node| matches!(node, Node::Group(_)))
}

#[test]
fn dates_do_not_leave_the_calendar() {
    let asked = |moved: &str| {
        let sql = format!("SELECT COUNT(*) FROM hospital.lifestyle WHERE {moved} > DATE '2000-01-01'");
        planned(&Session::default(), &sql)
    };
    for fits in ["admitted + INTERVAL '3000 years'", "admitted - INTERVAL '90 days'"] {
        assert!(asked(fits).is_ok(), "{fits}");
    }
    for beyond in [
        "admitted + INTERVAL '300000 years'",
        "admitted - INTERVAL '300000 years'",
        "admitted + INTERVAL '2147400000 days'",
        "CASE WHEN age = 97 THEN admitted + INTERVAL '270000 years' ELSE admitted END",
        "admitted + INTERVAL '150000 years' + INTERVAL '150000 years'",
    ] {
        let error = asked(beyond).unwrap_err();
        assert_eq!(error.class, Class::Refused, "{beyond}: {error}");
        assert!(error.message.contains("INTERVAL") || error.message.contains("admitted"), "{error}");
    }
}

#[test]
fn units_of_time_are_constants() {
    for unit in ["sex", "'fortnight'", "CAST(NULL AS TEXT)"] {
        let sql = format!(
            "SELECT COUNT(*) FROM hospital.lifestyle WHERE date_trunc({unit}, admitted) > '2020-01-01'"
        );
        let error = planned(&Session::default(), &sql).unwrap_err();
        assert_eq!(error.class, Class::Invalid, "{unit}: {error}");
    }
}

#[test]
fn rows_are_sorted_where_cells_are_many() {
    // 4,018 days and NULL times so many rows.
    let many = "SELECT l.admitted, l.sex, COUNT(*), SUM(c.cost) FROM hospital.lifestyle l
        JOIN insurer.claims c ON l.patient_id = c.patient_id GROUP BY l.admitted, l.sex";
    let near = Session::default();
    assert!(sorts(&planned(&near, many).unwrap()));
    let few = "SELECT l.sex, COUNT(*), SUM(c.cost) FROM hospital.lifestyle l
        JOIN insurer.claims c ON l.patient_id = c.patient_id GROUP BY l.sex";
    assert!(!sorts(&planned(&near, few).unwrap()));
}
