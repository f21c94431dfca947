//! Many users in few calls, each stored by itself and not counted: the rows of imports.

use std::borrow::Borrow;

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest};
use errors::{Error, failed};
use roster::User;

use super::{Account, Replaced, UserStore, Written, key};
use crate::{Item, Key};

/// Statements of one `BatchExecuteStatement` call, by its own limit.
const MAX_STATEMENTS: usize = 25;

impl UserStore {
    /// Stores each `new` account in the place of its `old` one, which must still be what is stored; one answer for each
    /// pair, in order. At most 100 pairs, of different accounts.
    ///
    /// Each change is carried out by itself, in as few calls as insertions are: 1 write unit a KB for the account, and
    /// what its index entry takes if that changes. Nothing is counted, so the two states must count alike
    /// ([`User::tally`]), and the addresses and the subject must be the same. What cannot be changed like this is
    /// [`Replaced::Stale`], and [`UserStore::replace`] changes it: an account that an import made and nobody counts.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if storage throttles longer than is worth waiting; some changes may then be stored.
    pub async fn replace_each(&self, changes: &[(Account, Account)]) -> Result<Vec<Replaced>, Error> {
        let doing = "change users";
        let olds: Vec<_> = changes.iter().map(|(old, _)| old).collect();
        let counted = self.are_counted(&olds).await?;
        let (mut open, mut statements) = (Vec::new(), Vec::new());
        for (index, (old, new)) in changes.iter().enumerate() {
            if counted[index] {
                open.push(index);
                let states = [self.item(old, doing)?, self.item(new, doing)?];
                statements.push(update_statement(self.table.name(), &old.user, &states)?);
            }
        }
        let calls = statements
            .chunks(MAX_STATEMENTS)
            .map(|statements| self.execute_each(statements, doing));
        let done = futures::future::try_join_all(calls).await?.concat();
        let mut replaced = vec![Replaced::Stale; changes.len()];
        for (index, _) in open.into_iter().zip(done).filter(|(_, done)| *done) {
            replaced[index] = Replaced::Done;
        }
        Ok(replaced)
    }

    /// Stores new users, each by itself and uncounted, as made by a run that knows of `number` takeovers; one answer for each, in order.
    ///
    /// The caller counts them by [`UserStore::counting`] in a transaction of its own, once it knows
    /// which are really new: a repeat of an interrupted call finds its own users [`Written::Held`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if storage throttles longer than is worth waiting; some users may then
    /// be stored.
    pub async fn insert_each(
        &self,
        users: &[impl Borrow<User> + Sync],
        number: u64,
    ) -> Result<Vec<Written>, Error> {
        let calls = users
            .chunks(MAX_STATEMENTS)
            .map(|users| self.insert_chunk(users, number));
        Ok(futures::future::try_join_all(calls).await?.concat())
    }

    async fn insert_chunk(
        &self,
        users: &[impl Borrow<User> + Sync],
        number: u64,
    ) -> Result<Vec<Written>, Error> {
        let statements = users
            .iter()
            .map(|user| self.insert_statement(user.borrow(), number))
            .collect::<Result<Vec<_>, _>>()?;
        let inserted = self.execute_each(&statements, "store users").await?;
        let written = |inserted| {
            if inserted {
                Written::Inserted
            } else {
                Written::Held
            }
        };
        Ok(inserted.into_iter().map(written).collect())
    }

    /// Carries out each of up to 25 statements by itself, and returns for each whether its condition held.
    ///
    /// A statement whose answer was lost is carried out again, and then meets its own work.
    async fn execute_each(
        &self,
        statements: &[BatchStatementRequest],
        doing: &'static str,
    ) -> Result<Vec<bool>, Error> {
        let mut done = vec![true; statements.len()];
        let mut open: Vec<usize> = (0..statements.len()).collect();
        let mut tries = self.table.tries(doing);
        loop {
            let answer = self
                .table
                .client()
                .batch_execute_statement()
                .set_statements(Some(
                    open.iter().map(|index| statements[*index].clone()).collect(),
                ))
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            // What has no answer may or may not be carried out: the next try finds out.
            let mut again = open.split_off(answer.responses().len().min(open.len()));
            for (index, response) in open.iter().zip(answer.responses()) {
                match response.error().map(|error| (error.code(), error.message())) {
                    None => {}
                    Some((
                        Some(
                            BatchStatementErrorCodeEnum::DuplicateItem
                            | BatchStatementErrorCodeEnum::ConditionalCheckFailed,
                        ),
                        _,
                    )) => done[*index] = false,
                    Some((
                        Some(
                            BatchStatementErrorCodeEnum::ThrottlingError
                            | BatchStatementErrorCodeEnum::ProvisionedThroughputExceeded
                            | BatchStatementErrorCodeEnum::RequestLimitExceeded
                            | BatchStatementErrorCodeEnum::TransactionConflict
                            | BatchStatementErrorCodeEnum::InternalServerError,
                        ),
                        _,
                    )) => again.push(*index),
                    Some((code, message)) => {
                        let told = format!(
                            "{}: {}",
                            code.map_or("no code", |code| code.as_str()),
                            message.unwrap_or_default()
                        );
                        return Err(Error::internal(doing, told));
                    }
                }
            }
            if again.is_empty() {
                return Ok(done);
            }
            open = again;
            tries.again().await?;
        }
    }

    /// A PartiQL insert: refused, like a conditional put, if the slot is held.
    fn insert_statement(&self, user: &User, number: u64) -> Result<BatchStatementRequest, Error> {
        let doing = "store users";
        let mut statement = format!("INSERT INTO \"{}\" VALUE {{", self.table.name());
        let mut parameters = Vec::new();
        let account = Account::new(user.clone()).made_by_run(number);
        for (name, value) in self.item(&account, doing)? {
            if !parameters.is_empty() {
                statement.push(',');
            }
            statement.push('\'');
            statement.push_str(&name);
            statement.push_str("':?");
            parameters.push(value);
        }
        statement.push('}');
        BatchStatementRequest::builder()
            .statement(statement)
            .set_parameters(Some(parameters))
            .build()
            .map_err(|error| Error::internal(doing, error))
    }
}

/// Returns a PartiQL update of what differs between two states of an account: refused, like a conditional put, unless
/// the stored account is still `old`.
fn update_statement(
    table: &str,
    old: &User,
    [before, after]: &[Item; 2],
) -> Result<BatchStatementRequest, Error> {
    let doing = "change users";
    let mut set = Vec::new();
    let mut parameters = Vec::new();
    for (name, value) in after {
        if before.get(name) != Some(value) {
            set.push(format!("SET \"{name}\"=?"));
            parameters.push(value.clone());
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    set.extend(gone.map(|name| format!("REMOVE \"{name}\"")));
    let Key { pk, sk } = key(old.id.slot());
    let version = AttributeValue::N(old.version.to_string());
    let id = AttributeValue::S(old.id.to_string());
    parameters.extend([AttributeValue::S(pk), AttributeValue::S(sk), id, version]);
    BatchStatementRequest::builder()
        .statement(format!(
            "UPDATE \"{table}\" {} WHERE PK=? AND SK=? AND id=? AND version=?",
            set.join(" ")
        ))
        .set_parameters(Some(parameters))
        .build()
        .map_err(|error| Error::internal(doing, error))
}
