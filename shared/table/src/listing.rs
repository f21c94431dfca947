//! Listing users by DynamoDB's index `listing`: its parts side by side, merged into one order.
//!
//! This is for a table whose index of users is not built yet.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use errors::{Error, failed};
use futures::future::{try_join, try_join_all};
use index::{Filter, Order, Place, SortBy};
use roster::{AccountType, Recorded, Role, Roles, Slot, Tally, Timestamp, User, UserId, fold};
use serde::Deserialize;

use super::table::from_item;
use super::users::listing_part;
use super::{Item, UserStore};

const DOING: &str = "list users";
/// What a first read of a part brings beyond its share of what is wanted, so that it is mostly the last: parts are filled by
/// a hash, so of a page of 100 few parts have more than 8 above their share.
const SPARE: u64 = 8;

/// One page that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Which users.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<Place>,
    /// How many users to pass over from there.
    pub skip: u64,
    /// How many users to give, at most 100.
    pub limit: u64,
    /// How many users match in all, if that is known; needed beside `after` if the filter narrows.
    pub count: Option<u64>,
}

/// One page.
#[derive(Clone, Debug)]
pub struct Found {
    /// The users, as they stand in the table now. One that went or no longer matches is left out.
    pub users: Vec<User>,
    /// How many users match in all.
    pub count: u64,
    /// Where the page ends, if more follow.
    pub last: Option<Place>,
}

/// Lets `query` find what `filter` admits.
fn filtered(filter: &Filter, mut query: QueryFluentBuilder) -> QueryFluentBuilder {
    let mut conditions = Vec::new();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |time: Timestamp| AttributeValue::N(time.millis().to_string());
    if !filter.words.is_empty() {
        query = query.expression_attribute_names("#search", "search");
    }
    for (index, word) in filter.words.iter().enumerate() {
        conditions.push(format!("contains(#search, :word{index})"));
        query = query.expression_attribute_values(format!(":word{index}"), text(word));
    }
    for (condition, name, value) in [
        (
            "#enabled = :enabled",
            ("#enabled", "enabled"),
            filter
                .enabled
                .map(|enabled| (":enabled", AttributeValue::Bool(enabled))),
        ),
        (
            "#external = :external",
            ("#external", "externalUserId"),
            filter.external_user_id.as_ref().map(|id| (":external", text(id))),
        ),
        (
            "#import = :import",
            ("#import", "importId"),
            filter.import.map(|id| (":import", text(&id.to_string()))),
        ),
        (
            "#created > :after",
            ("#created", "createdAt"),
            filter.created_after.map(|time| (":after", number(time))),
        ),
        (
            "#created < :before",
            ("#created", "createdAt"),
            filter.created_before.map(|time| (":before", number(time))),
        ),
    ] {
        if let Some((placeholder, value)) = value {
            conditions.push(condition.to_owned());
            query = query
                .expression_attribute_names(name.0, name.1)
                .expression_attribute_values(placeholder, value);
        }
    }
    let barred = Roles::ADMIN.iter().filter(|_| filter.without_admins);
    let roles = filter.role.into_iter().map(|role| ("", role));
    for (index, (not, role)) in roles.chain(barred.map(|role| ("NOT ", role))).enumerate() {
        conditions.push(format!("{not}contains(#roles, :role{index})"));
        query = query
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_values(format!(":role{index}"), text(role.as_str()));
    }
    if conditions.is_empty() {
        query
    } else {
        query.filter_expression(conditions.join(" AND "))
    }
}

/// What of a user is read to find its place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaceItem {
    id: UserId,
    #[serde(rename = "LSK")]
    email: String,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    created_at: u64,
}

/// The attributes that [`PlaceItem`] needs.
fn projection(order: Order) -> &'static str {
    match order.by {
        SortBy::Email => "id, LSK",
        SortBy::LastName => "id, LSK, lastName",
        SortBy::CreatedAt => "id, LSK, createdAt",
    }
}

fn place(order: Order, item: Item) -> Result<Place, Error> {
    let PlaceItem {
        id,
        email,
        last_name,
        created_at,
    } = from_item(item, DOING)?;
    let key = match order.by {
        SortBy::Email => String::new(),
        SortBy::LastName => last_name.map(|name| fold(&name)).unwrap_or_default(),
        // As a text, a time sorts as it should.
        SortBy::CreatedAt => Timestamp::from_millis(created_at).to_string(),
    };
    Ok(Place { key, email, id })
}

impl Listing {
    /// How many users to find, those passed over included, and one more to see whether more follow.
    fn wanted(&self) -> u64 {
        if self.limit == 0 {
            0
        } else {
            self.skip + self.limit + 1
        }
    }

    /// Whether matches must be counted one by one.
    fn counts(&self) -> bool {
        self.count.is_none() && self.filter.narrows()
    }

    fn follows(&self, place: &Place) -> bool {
        self.after
            .as_ref()
            .is_none_or(|after| self.order.compare(place, after).is_gt())
    }
}

/// One part of the index, read page by page.
struct Lane {
    part: String,
    read: VecDeque<Place>,
    next: Next,
}

/// Where the next page of a part begins.
enum Next {
    Start,
    After(Item),
    Nowhere,
}

impl Lane {
    fn all() -> Vec<Self> {
        (0..Slot::SHARDS)
            .map(|shard| Self {
                part: listing_part(shard),
                read: VecDeque::new(),
                next: Next::Start,
            })
            .collect()
    }

    fn is_at_end(&self) -> bool {
        matches!(self.next, Next::Nowhere)
    }
}

/// A place in a heap whose top is the one to be dropped first.
struct Ranked {
    place: Place,
    order: Order,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.compare(&self.place, &other.place)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// What of an administrator is counted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountedItem {
    #[serde(default)]
    roles: Vec<Recorded<Role>>,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    account_type: Recorded<AccountType>,
}

impl UserStore {
    /// Returns the numbers of users without an admin role: what a listing without administrators shows.
    ///
    /// The totals are from the counters. The roles and account types of administrators are not counted by themselves, so
    /// the index is read for them, which lags behind on AWS.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn tally_without_admins(&self) -> Result<Tally, Error> {
        let parts = Lane::all();
        let parts = parts.iter().map(|lane| self.admins_of(&lane.part));
        let (tally, admins) = try_join(self.tally(), try_join_all(parts)).await?;
        let mut rest = admins.into_iter().fold(tally, |rest, admins| rest + -admins);
        rest.all = tally.all + -tally.admins;
        Ok(rest)
    }

    /// The numbers of administrators in one part of the index.
    async fn admins_of(&self, part: &str) -> Result<Tally, Error> {
        let mut admins = Tally::default();
        let mut query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name("listing")
            .key_condition_expression("LPK = :part")
            .expression_attribute_values(":part", AttributeValue::S(part.to_owned()))
            .projection_expression("#roles, #enabled, accountType")
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_names("#enabled", "enabled");
        let mut conditions = Vec::new();
        for role in Roles::ADMIN.iter() {
            let name = format!(":role{}", conditions.len());
            conditions.push(format!("contains(#roles, {name})"));
            query = query.expression_attribute_values(name, AttributeValue::S(role.as_str().to_owned()));
        }
        let query = query.filter_expression(conditions.join(" OR "));
        let mut read = query.into_paginator().items().send();
        while let Some(item) = read.next().await {
            let item: CountedItem = from_item(item.map_err(|error| failed(DOING, error))?, DOING)?;
            let roles = item
                .roles
                .iter()
                .filter_map(|role| role.known().copied())
                .collect();
            admins += Tally::of(roles, item.account_type.known().copied(), item.enabled);
        }
        Ok(admins)
    }

    /// One page of users, found in the listing index, which lags behind on AWS, and read from the table.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn page(&self, listing: &Listing) -> Result<Found, Error> {
        let known = async {
            if listing.count.is_some() || listing.counts() {
                return Ok(listing.count);
            }
            let tally = self.tally().await?;
            let hidden = if listing.filter.without_admins {
                tally.admins.total
            } else {
                0
            };
            Ok(Some(u64::try_from(tally.all.total - hidden).unwrap_or_default()))
        };
        let find = async {
            match listing.order.by {
                SortBy::Email => self.merge(listing).await,
                SortBy::LastName | SortBy::CreatedAt => self.select(listing).await,
            }
        };
        let (known, (mut places, matches)) = try_join(known, find).await?;

        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let more = places.len() > limit;
        places.truncate(limit);
        let slots: Vec<_> = places.iter().map(|place| place.id.slot()).collect();
        let mut holders = self.holders(slots).await?;
        let users = places
            .iter()
            .filter_map(|place| match holders.remove(&place.id.slot()) {
                Some(account) if account.user.id == place.id => Some(account.into_user()),
                _ => None,
            })
            .filter(|user| listing.filter.admits(user))
            .collect();
        Ok(Found {
            users,
            count: known.unwrap_or(matches),
            last: places.pop().filter(|_| more),
        })
    }

    /// The places of a page in the order of the index, and the number of matches if it must be counted.
    ///
    /// No part is read further than the page needs; what is left is counted where it lies.
    async fn merge(&self, listing: &Listing) -> Result<(Vec<Place>, u64), Error> {
        let mut lanes = Lane::all();
        let mut places = Vec::new();
        let mut passed = 0;
        while passed < listing.wanted() {
            let empty = lanes
                .iter_mut()
                .filter(|lane| lane.read.is_empty() && !lane.is_at_end());
            try_join_all(empty.map(|lane| self.advance(listing, lane))).await?;
            let first = lanes
                .iter_mut()
                .filter(|lane| !lane.read.is_empty())
                .min_by(|one, other| listing.order.compare(&one.read[0], &other.read[0]));
            match first.and_then(|lane| lane.read.pop_front()) {
                None if lanes.iter().all(Lane::is_at_end) => break,
                // A page of matches may be empty, and more follow.
                None => {}
                Some(place) => {
                    passed += 1;
                    if passed > listing.skip {
                        places.push(place);
                    }
                }
            }
        }
        if !listing.counts() {
            return Ok((places, 0));
        }
        let read = lanes.iter().map(|lane| lane.read.len() as u64).sum::<u64>();
        let left = try_join_all(lanes.into_iter().map(|lane| self.count(listing, lane))).await?;
        Ok((places, passed + read + left.into_iter().sum::<u64>()))
    }

    /// The places of a page in another order than the index's, and the number of matches.
    ///
    /// Every match is read, and no more are kept than the page needs.
    async fn select(&self, listing: &Listing) -> Result<(Vec<Place>, u64), Error> {
        let wanted = usize::try_from(listing.wanted()).unwrap_or(usize::MAX);
        if wanted == 0 && !listing.counts() {
            return Ok((Vec::new(), 0));
        }
        let lanes = Lane::all().into_iter().map(async |mut lane| {
            let mut first = BinaryHeap::new();
            let mut matches = 0;
            while !lane.is_at_end() {
                self.advance(listing, &mut lane).await?;
                matches += lane.read.len() as u64;
                for place in lane.read.drain(..).filter(|place| listing.follows(place)) {
                    first.push(Ranked {
                        place,
                        order: listing.order,
                    });
                    if first.len() > wanted {
                        first.pop();
                    }
                }
            }
            Ok::<_, Error>((first, matches))
        });
        let (firsts, matches): (Vec<_>, Vec<u64>) = try_join_all(lanes).await?.into_iter().unzip();
        let mut ranked: Vec<_> = firsts.into_iter().flatten().collect();
        ranked.sort_unstable();
        let places = ranked
            .into_iter()
            .map(|ranked| ranked.place)
            .take(wanted)
            .skip(usize::try_from(listing.skip).unwrap_or(usize::MAX));
        Ok((places.collect(), matches.into_iter().sum()))
    }

    /// Reads the next page of `lane`.
    async fn advance(&self, listing: &Listing, lane: &mut Lane) -> Result<(), Error> {
        let mut query = self
            .lane_query(listing, lane)
            .projection_expression(projection(listing.order));
        if listing.order.by == SortBy::Email && !listing.filter.narrows() {
            let share = listing.wanted() / u64::from(Slot::SHARDS) + SPARE;
            query = query.limit(i32::try_from(share).unwrap_or(i32::MAX));
        }
        let read = query.send().await.map_err(|error| failed(DOING, error))?;
        for item in read.items.unwrap_or_default() {
            let place = place(listing.order, item)?;
            // Those before it are of interest only where they are counted.
            if listing.order.by != SortBy::Email || listing.follows(&place) {
                lane.read.push_back(place);
            }
        }
        lane.next = read.last_evaluated_key.map_or(Next::Nowhere, Next::After);
        Ok(())
    }

    /// How many matches there are in what is left of `lane`.
    async fn count(&self, listing: &Listing, mut lane: Lane) -> Result<u64, Error> {
        let mut count = 0;
        while !lane.is_at_end() {
            let query = self.lane_query(listing, &lane).select(Select::Count);
            let read = query.send().await.map_err(|error| failed(DOING, error))?;
            count += u64::try_from(read.count).unwrap_or_default();
            lane.next = read.last_evaluated_key.map_or(Next::Nowhere, Next::After);
        }
        Ok(count)
    }

    fn lane_query(&self, listing: &Listing, lane: &Lane) -> QueryFluentBuilder {
        let mut query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name("listing")
            .expression_attribute_values(":part", AttributeValue::S(lane.part.clone()))
            .scan_index_forward(!listing.order.descending);
        query = match &listing.after {
            Some(after) if listing.order.by == SortBy::Email => query
                .key_condition_expression(if listing.order.descending {
                    "LPK = :part AND LSK <= :email"
                } else {
                    "LPK = :part AND LSK >= :email"
                })
                .expression_attribute_values(":email", AttributeValue::S(after.email.clone())),
            _ => query.key_condition_expression("LPK = :part"),
        };
        if let Next::After(key) = &lane.next {
            query = query.set_exclusive_start_key(Some(key.clone()));
        }
        filtered(&listing.filter, query)
    }
}
