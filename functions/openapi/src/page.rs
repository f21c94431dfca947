//! The document as a page that needs nothing else: no script, no font, no picture.

use std::fmt::Write;

use serde_json::{Map, Value};

/// How it looks, whatever the width and whether dark or light.
pub(crate) const STYLE: &str = include_str!("page.css");

/// The methods in the order in which they are shown.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The page of `document`.
pub(crate) fn render(document: &Value) -> String {
    let title = escaped(document["info"]["title"].as_str().unwrap_or_default());
    let base = text(&document["servers"][0]["url"]);
    let mut index = String::new();
    let mut operations = String::new();
    for (path, item) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
                let path = escaped(path);
                let _ = write!(
                    index,
                    "<li><a href='#{id}'><code>{method} {path}</code> {summary}</a></li>"
                );
                let _ = write!(
                    operations,
                    "<section id='{id}'><h2>{summary}</h2><p><code>{method} {base}{path}</code></p>{}</section>",
                    operation_body(document, operation)
                );
            }
        }
    }
    let mut schemas = String::new();
    for (name, schema) in members(&document["components"]["schemas"]) {
        let name = escaped(name);
        let _ = write!(
            schemas,
            "<section id='schema-{name}'><h3>{name}</h3>{}</section>",
            schema_body(schema)
        );
    }
    let about = paragraphs(&document["info"]["description"]);
    format!(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>\
         <meta name='viewport' content='width=device-width, initial-scale=1'><style>{STYLE}</style></head>\
         <body><header><h1>{title}</h1>{about}<p><a href='{base}/openapi.json'>OpenAPI document</a></p></header>\
         <nav aria-label='Operations'><ul>{index}</ul></nav>\
         <main>{operations}<h2 id='schemas'>Schemas</h2>{schemas}{}</main></body></html>",
        labels(&document["x-column-labels"])
    )
}

/// What the columns of a file may be called, and the words for true and false.
fn labels(sets: &Value) -> String {
    let mut rows = String::new();
    let mut row = |source: &Value, meaning: &str, words: &Value| {
        let words: Vec<_> = words
            .as_array()
            .into_iter()
            .flatten()
            .map(|word| format!("<code>{}</code>", text(word)))
            .collect();
        if !words.is_empty() {
            let _ = write!(
                rows,
                "<tr><td>{}</td><td>{meaning}</td><td>{}</td></tr>",
                text(source),
                words.join(", ")
            );
        }
    };
    for set in sets.as_array().into_iter().flatten() {
        let source = &set["source"];
        for (member, names) in members(&set["labels"]) {
            row(source, &format!("<code>{}</code>", escaped(member)), names);
        }
        for half in set["beside"].as_array().into_iter().flatten() {
            let meaning = format!(
                "<code>{}</code> beside a column of <code>{}</code>",
                text(&half["member"]),
                text(&half["beside"])
            );
            row(source, &meaning, &Value::Array(vec![half["label"].clone()]));
        }
        for word in ["true", "false"] {
            row(source, word, &set[word]);
        }
    }
    format!(
        "<section id='labels'><h2>Labels of columns</h2><p>Capitals, accents, spaces, <code>_</code>, <code>-</code> and \
         <code>.</code> do not matter.</p><table>\
         <tr><th>Language or program<th>Meaning<th>Labels</tr>{rows}</table></section>"
    )
}

fn operation_body(document: &Value, operation: &Value) -> String {
    let mut body = paragraphs(&operation["description"]);
    if operation["security"].as_array().is_some_and(Vec::is_empty) {
        body.push_str("<p>No token is needed.</p>");
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: String = parameters
        .map(|parameter| {
            let name = format!(
                "{} <small>{}</small>",
                text(&parameter["name"]),
                text(&parameter["in"])
            );
            let needed = parameter["required"] == true;
            row(
                &name,
                needed,
                &kind(&parameter["schema"]),
                &text(&parameter["description"]),
            )
        })
        .collect();
    body.push_str(&table("Parameters", &rows));
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        let kind = kind(&content["schema"]);
        let _ = write!(
            body,
            "<h3>Body</h3><p><code>{}</code>: {kind}</p>",
            escaped(media_type)
        );
        body.push_str(&example(&content["example"]));
    }
    let rows: String = members(&operation["responses"])
        .map(|(status, answer)| {
            let answer = resolved(document, answer);
            let contents = members(&answer["content"]).map(|(media_type, content)| {
                let schema = kind(&content["schema"]);
                format!("<code>{}</code>: {schema}", escaped(media_type))
            });
            let headers = members(&answer["headers"])
                .filter(|(_, header)| header.get("$ref").is_none())
                .map(|(name, header)| {
                    format!(
                        "<br><code>{}</code>: {}",
                        escaped(name),
                        text(&header["description"])
                    )
                });
            let about: String = [text(&answer["description"])]
                .into_iter()
                .chain(headers)
                .collect();
            let contents: Vec<_> = contents.collect();
            row(&escaped(status), false, &contents.join("<br>"), &about)
        })
        .collect();
    body.push_str(&table("Answers", &rows));
    body
}

fn schema_body(schema: &Value) -> String {
    let mut body = paragraphs(&schema["description"]);
    let mut rows = String::new();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    for part in parts.chain([schema]) {
        if part.get("$ref").is_some() {
            let _ = write!(body, "<p>All members of {}, and:</p>", kind(part));
        }
        for (name, member) in members(&part["properties"]) {
            let needed = part["required"]
                .as_array()
                .is_some_and(|names| names.contains(&name.as_str().into()));
            // What is said of a referred schema stands with it.
            rows.push_str(&row(
                &escaped(name),
                needed,
                &kind(member),
                &text(&member["description"]),
            ));
        }
    }
    if rows.is_empty() {
        let _ = write!(body, "<p>{}</p>", kind(schema));
    }
    body.push_str(&table("Members", &rows));
    body.push_str(&example(&schema["example"]));
    body
}

/// What a value of `schema` is, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href='#schema-{name}'>{name}</a>");
    }
    for word in ["oneOf", "allOf"] {
        if let Some(parts) = schema[word].as_array() {
            let parts: Vec<_> = parts.iter().map(kind).filter(|part| !part.is_empty()).collect();
            return parts.join(if word == "oneOf" { " or " } else { ", " });
        }
    }
    let mut told = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one),
    };
    if let Some(items) = schema.get("items") {
        let _ = write!(told, " of {}", kind(items));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words
            .iter()
            .map(|word| format!("<code>{}</code>", text(word)))
            .collect();
        let _ = write!(told, ": {}", words.join(", "));
    }
    let rules = [
        ("format", "", ""),
        ("minimum", "at least ", ""),
        ("maximum", "at most ", ""),
        ("minLength", "at least ", " characters"),
        ("maxLength", "at most ", " characters"),
        ("minItems", "at least ", " elements"),
        ("maxItems", "at most ", " elements"),
        ("pattern", "like ", ""),
        ("default", "by default ", ""),
    ];
    for (rule, before, after) in rules {
        if let Some(value) = schema.get(rule) {
            let _ = write!(told, ", {before}<code>{}</code>{after}", text(value));
        }
    }
    if schema["readOnly"] == true {
        told.push_str(if told.is_empty() {
            "given by the service"
        } else {
            ", given by the service"
        });
    }
    told
}

fn example(example: &Value) -> String {
    match serde_json::to_string_pretty(example) {
        Ok(json) if !example.is_null() => {
            format!(
                "<details><summary>Example</summary><pre>{}</pre></details>",
                escaped(&json)
            )
        }
        _ => String::new(),
    }
}

fn table(title: &str, rows: &str) -> String {
    match rows {
        "" => String::new(),
        rows => format!("<h3>{title}</h3><table>{rows}</table>"),
    }
}

fn row(name: &str, needed: bool, kind: &str, about: &str) -> String {
    let needed = if needed { " <small>required</small>" } else { "" };
    format!("<tr><th scope='row'>{name}{needed}</th><td>{kind}</td><td>{about}</td></tr>")
}

/// What `value` refers to in `document`, or itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(value)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn paragraphs(value: &Value) -> String {
    let mut paragraphs = String::new();
    for paragraph in text(value).split("\n\n").filter(|text| !text.is_empty()) {
        let _ = write!(paragraphs, "<p>{paragraph}</p>");
    }
    paragraphs
}

/// A value as text for the page, with what stands between grave accents as code.
fn text(value: &Value) -> String {
    let plain = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut parts = plain.split('`').map(escaped);
    let mut marked = parts.next().unwrap_or_default();
    let mut is_code = true;
    for part in parts {
        marked.push_str(if is_code { "<code>" } else { "</code>" });
        marked.push_str(&part);
        is_code = !is_code;
    }
    if !is_code {
        marked.push_str("</code>");
    }
    marked
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}
