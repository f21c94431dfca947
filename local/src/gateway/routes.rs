//! Which function answers a path.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template;

/// The HTTP API's routes.
#[derive(Debug)]
pub(super) struct Routes {
    /// The routes with a path, by precedence.
    paths: Vec<Route>,
    /// The function of the route `$default`.
    default: Option<String>,
}

#[derive(Debug)]
struct Route {
    method: String,
    path: String,
    segments: Vec<Segment>,
    function: String,
}

/// Literals come before parameters, so the order of the variants is the order of precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
}

/// A route that was found for a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matched<'a> {
    /// As the event names it: `ANY /api/v1/users/{userId}`.
    pub(super) key: String,
    /// The function that answers.
    pub(super) function: &'a str,
    /// The values of the path's parameters, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    /// Sorts the template's routes by precedence: literal segments win over parameters, from left to
    /// right, one method wins over `ANY`, and `$default` comes last.
    pub(super) fn new(routes: &[template::Route]) -> Self {
        let default = routes.iter().find(|route| route.path.is_none());
        let mut paths: Vec<_> = routes
            .iter()
            .filter_map(|route| {
                let path = route.path.clone()?;
                Some(Route {
                    method: route.method.clone(),
                    segments: path.split('/').map(segment).collect(),
                    path,
                    function: route.function.clone(),
                })
            })
            .collect();
        paths.sort_by(|a, b| (&a.segments, a.method == "ANY").cmp(&(&b.segments, b.method == "ANY")));
        Self {
            paths,
            default: default.map(|route| route.function.clone()),
        }
    }

    /// The route for a request.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Matched<'_>> {
        let found = self.paths.iter().find_map(|route| {
            if route.method != "ANY" && route.method != method {
                return None;
            }
            Some(Matched {
                key: format!("{} {}", route.method, route.path),
                function: &route.function,
                parameters: match_segments(&route.segments, path)?,
            })
        });
        found.or_else(|| {
            Some(Matched {
                key: "$default".to_owned(),
                function: self.default.as_deref()?,
                parameters: BTreeMap::new(),
            })
        })
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(name) => Segment::Parameter(name.to_owned()),
        None => Segment::Literal(text.to_owned()),
    }
}

fn match_segments(segments: &[Segment], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut given = path.split('/');
    for segment in segments {
        let text = percent_decode_str(given.next()?).decode_utf8_lossy();
        match segment {
            Segment::Literal(literal) if *literal == text => {}
            Segment::Parameter(name) if !text.is_empty() => {
                parameters.insert(name.clone(), text.into_owned());
            }
            _ => return None,
        }
    }
    given.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> (String, String) {
        let template = template::Template::embedded("local", &BTreeMap::new()).unwrap();
        let routes = Routes::new(&template.routes);
        let matched = routes.find(method, path).unwrap();
        (matched.key, matched.function.to_owned())
    }

    #[test]
    fn literal_segments_win_over_parameters() {
        for (path, function) in [
            ("/api/v1/users", "users"),
            ("/api/v1/users/me", "me"),
            ("/api/v1/users/bulk", "users-bulk"),
            ("/api/v1/users/import", "imports"),
            ("/api/v1/users/import/template", "imports"),
            ("/api/v1/users/import/template/errors", "import"),
            ("/api/v1/users/import/01ABC", "import"),
            ("/api/v1/users/import/enable", "import"),
            ("/api/v1/users/me/contacts", "contacts"),
            ("/api/v1/users/me/contacts/7", "contact"),
            ("/api/v1/users/u1", "user"),
            ("/api/v1/users/u1/enable", "user"),
            ("/", "page"),
            ("/page/config.json", "page"),
            ("/page/0123456789abcdef/main.js", "page"),
        ] {
            assert_eq!(found("GET", path).1, function, "{path}");
        }
    }

    #[test]
    fn every_other_path_goes_to_the_default_route() {
        for path in [
            "/page",
            "/page/0/1/2",
            "/docs/",
            "/api/v1/users/",
            "/api/v1/users//enable",
            "/api/v1/users/u1/unknown",
            "/api/v1/Users",
        ] {
            assert_eq!(
                found("GET", path),
                ("$default".to_owned(), "openapi".to_owned()),
                "{path}"
            );
        }
    }

    #[test]
    fn one_method_wins_over_any() {
        let route = |method: &str, path: Option<&str>, function: &str| template::Route {
            method: method.to_owned(),
            path: path.map(str::to_owned),
            function: function.to_owned(),
        };
        let routes = Routes::new(&[
            route("ANY", None, "default"),
            route("ANY", Some("/a"), "any"),
            route("GET", Some("/a"), "get"),
        ]);

        assert_eq!(routes.find("GET", "/a").unwrap().function, "get");
        assert_eq!(routes.find("PUT", "/a").unwrap().function, "any");
        assert_eq!(routes.find("PUT", "/b").unwrap().function, "default");
    }

    #[test]
    fn path_parameters_are_decoded() {
        let template = template::Template::embedded("local", &BTreeMap::new()).unwrap();
        let routes = Routes::new(&template.routes);

        let matched = routes.find("GET", "/api/v1/users/a%2Fb%20c/enable").unwrap();

        assert_eq!(matched.parameters["userId"], "a/b c");
    }
}
