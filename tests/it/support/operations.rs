//! A right request for each operation of the contract.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::roster::Role;

use super::{Account, Service, form, send};

/// Method and path of every operation.
pub(crate) fn all() -> Vec<(Method, String)> {
    let document = serde_json::to_value(contract::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
        })
        .collect()
}

/// A caller who may do everything, and things that paths can name.
pub(crate) struct Operations {
    pub(crate) caller: Account,
    other: Account,
    contact: Value,
    import: Value,
}

impl Operations {
    pub(crate) async fn prepare(service: &Service) -> Self {
        let roles = [Role::SystemAdmin, Role::Originator];
        let caller = service.account("caller@example.org", &roles).await;
        let other = service.account("other@example.org", &[Role::Originator]).await;
        // With a row that is rejected, so that there is an object to read.
        let import = service.import("email\nnobody\n", &[]).await.expect(200);
        let added = service.request_as(&caller.token, Method::POST, "/users/me/contacts");
        let added = send(added.json(&contacts())).await.expect(200);
        Self {
            caller,
            other,
            contact: added["items"][0]["id"].clone(),
            import: import["id"].clone(),
        }
    }

    /// A request that would be carried out.
    pub(crate) fn request(&self, service: &Service, method: &Method, path: &str) -> RequestBuilder {
        let real = [
            ("{userId}", &json!(self.other.id.to_string())),
            ("{contactId}", &self.contact),
            ("{importId}", &self.import),
        ]
        .iter()
        .fold(path.to_owned(), |path, (name, id)| {
            path.replace(name, id.as_str().unwrap())
        });
        let request = service.request_as(&self.caller.token, method.clone(), &real);
        let body = match (method, path) {
            (&Method::POST, "/users/import" | "/users/import/preview") => {
                return request.multipart(form("email\n", &[]));
            }
            (&Method::POST, "/users") => json!({ "email": "ada@example.org", "roles": "ROLE_ORIGINATOR" }),
            (&Method::POST, "/users/me/contacts") => contacts(),
            (&Method::POST, "/users/import/check") => {
                json!({ "columns": ["email"], "rows": [["ada@example.org"]] })
            }
            (&Method::POST, "/users/import/uploads") => json!({ "bytes": 5 }),
            (&Method::PUT, "/users/me/contacts/{contactId}") => json!({ "email": "bob@example.org" }),
            (&Method::POST | &Method::PUT, _) => json!({}),
            _ => return request,
        };
        request.json(&body)
    }
}

fn contacts() -> Value {
    json!({ "contacts": [{ "email": "ada@example.org" }], "ignoreDuplicates": false })
}
