use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A function `f` whose binary is this test program, run as the one test that is ignored otherwise.
///
/// Made once, before any process is started: a process started meanwhile would inherit the open
/// file, and a file that is open for writing cannot be run.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\nexec '{}' --exact runtime_api::tests::the_function --ignored --nocapture\n",
            program.display()
        );
        let path = folder.path().join("f");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        folder
    });
    folder.path()
}

#[test]
#[ignore = "the function that the other tests start"]
fn the_function() {
    async fn handle(event: LambdaEvent<Value>) -> Result<Value, String> {
        match event.payload["do"].as_str() {
            Some("fail") => Err("no luck".to_owned()),
            Some("exit") => std::process::exit(3),
            Some("hang") => std::future::pending().await,
            _ => Ok(json!({
                "payload": event.payload,
                "requestId": event.context.request_id,
                "deadline": event.context.deadline,
                "arn": event.context.invoked_function_arn,
                "function": event.context.env_config.function_name,
                "pid": std::process::id(),
                "variables": std::env::vars()
                    .filter(|(name, _)| ["KEPT", "REPLACED"].contains(&name.as_str()))
                    .collect::<BTreeMap<_, _>>(),
            })),
        }
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // It fails when the test that started it ends, and with it the Runtime API.
    let _ = runtime.block_on(lambda_runtime::run(service_fn(handle)));
}

/// The processes of one function, which may take `timeout`.
fn processes(name: &str, timeout: Duration) -> std::io::Result<Processes> {
    let function = Function {
        timeout,
        memory: 128,
        retries: 0,
        environment: variables([("KEPT", "template"), ("REPLACED", "template")]),
        rights: Vec::new(),
    };
    let functions = BTreeMap::from([(name.to_owned(), function)]);
    Processes::new(folder(), &functions, &variables([("REPLACED", "given")]))
}

fn variables<const N: usize>(variables: [(&str, &str); N]) -> BTreeMap<String, String> {
    BTreeMap::from(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn patient() -> Processes {
    processes("f", Duration::from_mins(1)).unwrap()
}

async fn call(processes: &Processes, payload: Value) -> Result<Value, FunctionError> {
    let invocation = Invocation {
        request_id: "the-request".to_owned(),
        ..Invocation::new("f", &payload)
    };
    let result = processes.invoke(invocation).await?;
    Ok(serde_json::from_slice(&result).unwrap())
}

#[tokio::test]
async fn a_process_serves_one_call_after_the_other() {
    let processes = patient();
    let before = clock::now().millis();

    let first = call(&processes, json!({"a": 1})).await.unwrap();
    let second = call(&processes, json!({"a": 2})).await.unwrap();

    assert_eq!(first["payload"], json!({"a": 1}));
    assert_eq!(second["payload"], json!({"a": 2}));
    assert_eq!(first["requestId"], "the-request");
    assert_eq!(first["function"], "f");
    assert_eq!(first["arn"], function_arn("f"));
    assert!(first["deadline"].as_u64().unwrap() >= before + 60_000);
    assert_eq!(first["pid"], second["pid"]);
}

#[tokio::test]
async fn calls_at_the_same_time_have_processes_of_their_own() {
    let processes = patient();

    let (first, second) = tokio::join!(call(&processes, json!({})), call(&processes, json!({})));

    assert_ne!(first.unwrap()["pid"], second.unwrap()["pid"]);
}

#[tokio::test]
async fn an_error_is_the_functions_own_and_its_process_is_kept() {
    let processes = patient();
    let first = call(&processes, json!({})).await.unwrap();

    let error = call(&processes, json!({"do": "fail"})).await.unwrap_err();

    assert!(matches!(&error, FunctionError::Failed(said) if said.error_message == "no luck"));
    assert_eq!(call(&processes, json!({})).await.unwrap()["pid"], first["pid"]);
}

#[tokio::test]
async fn a_process_that_dies_fails_its_call_and_is_replaced() {
    let processes = patient();
    let first = call(&processes, json!({})).await.unwrap();

    let error = call(&processes, json!({"do": "exit"})).await.unwrap_err();

    assert!(matches!(error, FunctionError::Exited(_)), "{error}");
    assert_ne!(call(&processes, json!({})).await.unwrap()["pid"], first["pid"]);
}

#[tokio::test]
async fn a_process_is_killed_at_its_timeout() {
    // Long enough for the second call, on a machine that has other things to do.
    let processes = processes("f", Duration::from_secs(2)).unwrap();

    let error = call(&processes, json!({"do": "hang"})).await.unwrap_err();

    assert!(matches!(error, FunctionError::TimedOut(_)), "{error}");
    assert_eq!(
        call(&processes, json!({"a": 1})).await.unwrap()["payload"]["a"],
        1
    );
}

#[tokio::test]
async fn a_variable_that_is_given_takes_the_place_of_the_templates() {
    let answer = call(&patient(), json!({})).await.unwrap();

    assert_eq!(
        answer["variables"],
        json!({"KEPT": "template", "REPLACED": "given"})
    );
}

#[test]
fn a_missing_binary_is_named() {
    let error = processes("missing", Duration::from_secs(1)).err().unwrap();

    assert!(error.to_string().contains("missing"), "{error}");
}
