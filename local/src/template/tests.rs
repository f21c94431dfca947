use super::*;

fn template() -> Template {
    Template::embedded("local", &BTreeMap::new()).unwrap()
}

#[test]
fn every_function_is_there_with_its_limits() {
    let template = template();

    let names: Vec<_> = template.functions.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bootstrap",
            "contact",
            "contacts",
            "dashboard",
            "import",
            "import-file",
            "imports",
            "index-users",
            "me",
            "openapi",
            "page",
            "session",
            "sweep",
            "user",
            "users",
            "users-bulk"
        ]
    );
    assert_eq!(template.functions["import-file"].timeout, Duration::from_mins(15));
    assert_eq!(template.functions["imports"].timeout, Duration::from_secs(29));
    assert_eq!(template.functions["me"].timeout, Duration::from_secs(10));
    assert_eq!(template.functions["import-file"].retries, 2);
}

#[test]
fn functions_are_told_the_names_of_table_and_bucket() {
    let template = template();

    for (name, function) in &template.functions {
        assert_eq!(function.environment["TABLE_NAME"], template.table.name, "{name}");
        assert_eq!(function.environment["BUCKET_NAME"], template.bucket, "{name}");
    }
    assert_eq!(template.table.name, "local-Table");
    assert_eq!(template.bucket, "access-service-000000000000-us-east-1");
}

#[test]
fn the_page_is_told_the_origin_of_the_bucket_and_may_do_nothing() {
    let page = &template().functions["page"];

    assert_eq!(
        page.environment["BUCKET_ORIGIN"],
        "https://access-service-000000000000-us-east-1.s3.us-east-1.amazonaws.com"
    );
    assert_eq!(page.rights, []);
}

#[test]
fn every_arrival_prefix_is_a_trigger() {
    let mut prefixes: Vec<_> = template()
        .triggers
        .into_iter()
        .map(|trigger| (trigger.prefix, trigger.function))
        .collect();
    prefixes.sort();

    let expected = [
        ("drop/", "import-file"),
        ("imports/", "import-file"),
        ("index/wake/", "index-users"),
        ("resume/", "import-file"),
    ];
    assert_eq!(
        prefixes,
        expected.map(|(prefix, function)| (prefix.to_owned(), function.to_owned()))
    );
}

#[test]
fn every_folder_expires_but_those_that_the_index_looks_after() {
    let text = yaml::parse(TEXT).unwrap();
    let rules = &text["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"];
    let mut expiring: Vec<_> = rules
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule.get("ExpirationInDays").is_some())
        // A rule without a prefix is one for everything.
        .map(|rule| rule["Prefix"].as_str().unwrap_or_default())
        .collect();
    expiring.sort_unstable();

    let folders = [
        "changes/",
        "drop/",
        "exports/",
        "imports/",
        "index/wake/",
        "rejected/",
        "results/",
        "resume/",
    ];
    assert_eq!(expiring, folders);
}

#[test]
fn the_sweep_and_the_index_come_every_five_minutes() {
    let every_five_minutes = |function: &str| Schedule {
        every: Duration::from_mins(5),
        function: function.to_owned(),
    };
    let mut schedules = template().schedules;
    schedules.sort_by(|one, other| one.function.cmp(&other.function));
    assert_eq!(schedules, ["index-users", "sweep"].map(every_five_minutes));
    assert_eq!(minutes("rate(1 minute)"), Some(Duration::from_mins(1)));
    for schedule in ["rate(0 minutes)", "rate(5 hours)", "cron(0 12 * * ? *)"] {
        assert_eq!(minutes(schedule), None, "{schedule}");
    }
}

#[test]
fn there_is_one_default_route() {
    let routes = template().routes;

    let default: Vec<_> = routes.iter().filter(|route| route.path.is_none()).collect();
    assert_eq!(default.len(), 1);
    assert_eq!(default[0].function, "openapi");
    assert!(routes.iter().all(|route| route.method == "ANY"));
}

#[test]
fn a_parameter_takes_the_place_of_its_default() {
    let parameters = [("ServiceName", "other"), ("ImportTimeout", "60")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parameters = BTreeMap::from(parameters);

    let template = Template::embedded("local", &parameters).unwrap();

    assert_eq!(template.bucket, "other-000000000000-us-east-1");
    assert_eq!(template.functions["import-file"].timeout, Duration::from_mins(1));
}

#[test]
fn an_unknown_parameter_is_refused() {
    let parameters = BTreeMap::from([("ServicName".to_owned(), "other".to_owned())]);

    assert!(Template::embedded("local", &parameters).is_err());
}
