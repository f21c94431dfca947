//! Alarms and the dashboard of the template, and what the operations page says of them.

const TEMPLATE: &str = include_str!("../../template.yaml");
const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// The first cells of the rows of all tables of the operations page.
fn explained() -> impl Iterator<Item = &'static str> {
    let rows = OPERATIONS.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split(" |").next())
}

#[test]
fn the_operations_page_says_what_to_do_at_each_alarm() {
    let alarms: Vec<_> = TEMPLATE
        .lines()
        .filter_map(|line| line.strip_suffix("Alarm:")?.strip_prefix("  "))
        .collect();

    assert!(alarms.len() >= 6, "{alarms:?}");
    for alarm in alarms {
        let name = format!("`{alarm}Alarm`");
        assert!(explained().any(|cell| cell.contains(&name)), "{name}");
    }
}

#[test]
fn the_operations_page_explains_the_metrics_that_are_watched() {
    let lines: Vec<_> = TEMPLATE.lines().map(str::trim).collect();
    let of_alarms = lines
        .windows(2)
        .filter(|pair| pair[0] == "Namespace: AccessService")
        .filter_map(|pair| pair[1].strip_prefix("MetricName: "));
    let of_dashboard = lines
        .iter()
        .filter_map(|line| line.strip_prefix("[\"AccessService\", \"")?.split('"').next());
    let watched: Vec<_> = of_alarms.chain(of_dashboard).collect();

    assert!(watched.len() >= 11, "{watched:?}");
    for metric in watched {
        let name = format!("`{metric}`");
        assert!(explained().any(|cell| cell.contains(&name)), "{name}");
    }
}
