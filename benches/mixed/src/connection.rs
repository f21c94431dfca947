//! One connection: what it does next, and what it knows of its users. Nobody else changes them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use reqwest::Method;
use serde_json::{Value, json};

use crate::Failure;
use crate::service::Client;

/// Users of one connection, more than which it does not make.
const USERS: usize = 1000;
/// Rows of a file.
const ROWS: usize = 60;
/// One row in so many has an error.
const FAULTY: usize = 10;

/// A user as the connection knows it: first name, and state.
type Known = (String, bool);

/// What connections did.
#[derive(Default)]
pub(crate) struct Totals {
    acts: BTreeMap<&'static str, u64>,
    /// What failed.
    pub(crate) errors: Vec<String>,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        for (act, number) in &other.acts {
            *self.acts.entry(act).or_default() += number;
        }
        self.errors.extend(other.errors.iter().cloned());
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (act, number) in &self.acts {
            write!(f, "{act}: {number}; ")?;
        }
        for error in self.errors.iter().take(20) {
            write!(f, "\n{error}")?;
        }
        Ok(())
    }
}

/// One connection with its users.
pub(crate) struct Connection {
    number: usize,
    client: Client,
    random: u64,
    made: usize,
    exports: usize,
    /// By address: id, and what is known.
    users: BTreeMap<String, (String, Known)>,
    pub(crate) totals: Totals,
}

impl Connection {
    pub(crate) fn new(number: usize, client: Client) -> Self {
        Self {
            number,
            client,
            random: 0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1),
            made: 0,
            exports: 0,
            users: BTreeMap::new(),
            totals: Totals::default(),
        }
    }

    /// What the addresses of its users begin with, and no others.
    pub(crate) fn name(&self) -> String {
        format!("conn{}x", self.number)
    }

    /// A number below `end`, by xorshift.
    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % end as u64).unwrap_or_default()
    }

    fn next_address(&mut self) -> String {
        self.made += 1;
        format!("{}{:07}@example.org", self.name(), self.made)
    }

    /// Any of its users; makes one if there is none.
    async fn any(&mut self) -> Result<(String, String, Known), Failure> {
        if self.users.is_empty() {
            self.create().await?;
        }
        let place = self.below(self.users.len());
        let (address, (id, known)) = self.users.iter().nth(place).ok_or("there is no user")?;
        Ok((address.clone(), id.clone(), known.clone()))
    }

    /// Does one thing, and notes it.
    pub(crate) async fn act(&mut self) {
        let full = self.users.len() >= USERS;
        let (act, done) = match self.below(1000) {
            0..500 => ("read", self.read().await),
            500..600 => ("first page", self.first_page().await),
            600..750 => ("search", self.search().await),
            750..850 => ("change", self.change().await),
            850..880 => ("enable or disable", self.flip().await),
            880..885 => ("export", self.export().await),
            885..890 if !full => ("import", self.import().await),
            890..950 if !full => ("create", self.create().await),
            _ => ("delete", self.delete().await),
        };
        *self.totals.acts.entry(act).or_default() += 1;
        if let Err(error) = done {
            self.totals
                .errors
                .push(format!("{act} of connection {}: {error}", self.number));
        }
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let (address, id, known) = self.any().await?;
        let user = self.client.get(&format!("/users/{id}")).await?;
        same(&user, &address, &known)
    }

    async fn first_page(&self) -> Result<(), Failure> {
        self.client.get("/users?limit=20").await.map(|_| ())
    }

    async fn search(&mut self) -> Result<(), Failure> {
        let (address, _, known) = self.any().await?;
        let found = self.client.get(&format!("/users?searchText={address}")).await?;
        if found["count"] != 1 {
            return Err(format!("a search for {address} finds {}", found["count"]).into());
        }
        same(&found["items"][0], &address, &known)
    }

    async fn create(&mut self) -> Result<(), Failure> {
        let address = self.next_address();
        let known = ("New".to_owned(), true);
        let body = json!({"email": address, "firstName": known.0, "roles": ["ROLE_ORIGINATOR"]});
        let user = self.client.send(Method::POST, "/users", Some(&body)).await?;
        let id = user["id"].as_str().ok_or("a user without an id")?;
        self.users.insert(address, (id.to_owned(), known));
        Ok(())
    }

    async fn change(&mut self) -> Result<(), Failure> {
        let (address, id, known) = self.any().await?;
        let name = format!("Changed{}", self.below(1_000_000));
        let (path, body) = (format!("/users/{id}"), json!({"firstName": name}));
        self.client.send(Method::PUT, &path, Some(&body)).await?;
        self.users.insert(address, (id, (name, known.1)));
        Ok(())
    }

    async fn flip(&mut self) -> Result<(), Failure> {
        let (address, id, (name, enabled)) = self.any().await?;
        let path = format!("/users/{id}/enable");
        self.client.send(Method::PUT, &path, None).await?;
        self.users.insert(address, (id, (name, !enabled)));
        Ok(())
    }

    async fn delete(&mut self) -> Result<(), Failure> {
        let (address, id, _) = self.any().await?;
        self.client
            .send(Method::DELETE, &format!("/users/{id}"), None)
            .await?;
        self.users.remove(&address);
        Ok(())
    }

    async fn import(&mut self) -> Result<(), Failure> {
        let mut file = "email,firstName\n".to_owned();
        let mut sound = Vec::new();
        for row in 0..ROWS {
            let address = self.next_address();
            if row % FAULTY == 3 {
                // Writing to a string cannot fail.
                let _ = writeln!(file, "{address}@,Faulty");
            } else {
                let _ = writeln!(file, "{address},Imported");
                sound.push(address);
            }
        }
        let import = self.client.import(file).await?;
        if import["counts"]["created"] != sound.len() || import["counts"]["rows"] != ROWS {
            return Err(format!("an import of {ROWS} rows: {import}").into());
        }
        let id = import["id"].as_str().unwrap_or_default();
        let found = self
            .client
            .get(&format!("/users?importId={id}&limit=100"))
            .await?;
        let items = found["items"].as_array().map_or(&[][..], Vec::as_slice);
        for user in items {
            let text = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
            self.users
                .insert(text("email"), (text("id"), ("Imported".to_owned(), true)));
        }
        if items.len() != sound.len() {
            return Err(format!("users found of the import {id}: {}", items.len()).into());
        }
        Ok(())
    }

    async fn export(&mut self) -> Result<(), Failure> {
        self.exports += 1;
        let (minutes, seconds) = (self.exports / 60, self.exports % 60);
        // A time that has not come narrows nothing. It makes a query of its own: the same one would get the same file.
        let query = format!(
            "searchText={}&createdBefore=2100-01-01T{:02}:{:02}:{seconds:02}Z",
            self.name(),
            minutes / 60,
            minutes % 60
        );
        let file = self.client.export(&query).await?;
        let mut rows = csv::Reader::from_reader(&*file);
        let column = rows.headers()?.iter().position(|name| name.ends_with("email"));
        let column = column.ok_or("an export without addresses")?;
        let mut addresses = Vec::new();
        for row in rows.records() {
            addresses.push(row?.get(column).unwrap_or_default().to_owned());
        }
        if !self.users.keys().eq(&addresses) {
            return Err(format!("exported users: {}, known: {}", addresses.len(), self.users.len()).into());
        }
        Ok(())
    }

    /// How `stored`, in the order of addresses, differ from what is known.
    pub(crate) fn differences(&self, stored: &[Value]) -> Vec<String> {
        let mut differences = Vec::new();
        let stored: BTreeMap<_, _> = stored
            .iter()
            .map(|user| (user["email"].as_str().unwrap_or_default(), user))
            .collect();
        for (address, (_, known)) in &self.users {
            match stored.get(&**address) {
                None => differences.push(format!("{address} is not there")),
                Some(user) => {
                    differences.extend(same(user, address, known).err().map(|error| error.to_string()));
                }
            }
        }
        let more = stored
            .keys()
            .filter(|address| !self.users.contains_key(**address));
        differences.extend(more.map(|address| format!("{address} is there")));
        differences
    }
}

/// Compares a user with what is known of it.
fn same(user: &Value, address: &str, known: &Known) -> Result<(), Failure> {
    if user["email"] != address || user["firstName"] != *known.0 || user["enabled"] != known.1 {
        return Err(format!("{address} is known as {known:?}, and is {user}").into());
    }
    Ok(())
}
