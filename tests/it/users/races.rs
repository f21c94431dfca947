//! Requests that meet.

use std::pin::pin;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::faults::{Faults, Schedule};
use crate::support::{Account, Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_one_address_one_wins() {
    meet_at_an_address(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute without optimisation"]
async fn of_many_who_create_one_address_one_wins_200_times() {
    meet_at_an_address(200).await;
}

/// Lets 16 requests meet that create the same address, so many times.
async fn meet_at_an_address(times: usize) {
    const RACERS: usize = 16;
    let service = Service::start().await;
    let race = async |number: usize| {
        let racers = (0..RACERS).map(|racer| {
            let email = if racer % 2 == 0 { "ada" } else { "ADA" };
            let body = json!({"email": format!("{email}{number}@example.org"), "roles": "ROLE_ORIGINATOR"});
            service.request(Method::POST, "/users").json(&body)
        });
        let mut statuses: Vec<_> = join_all(racers.map(send))
            .await
            .into_iter()
            .map(|answer| answer.status)
            .collect();
        statuses.sort();
        assert_eq!(statuses[0], StatusCode::CREATED);
        assert_eq!(statuses[1..], [StatusCode::CONFLICT; RACERS - 1]);
    };

    stream::iter(0..times).for_each_concurrent(2, race).await;

    assert_eq!(service.get("/users?limit=0").await.json()["count"], times + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_attack_each_other_leave_one() {
    duel(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten seconds without optimisation"]
async fn two_administrators_who_attack_each_other_leave_one_200_times() {
    duel(200).await;
}

/// The administrator that the service starts with.
async fn administrator(service: &Service) -> Account {
    let me = service.get("/users/me").await.expect(200);
    Account {
        id: me["id"].as_str().unwrap().parse().unwrap(),
        email: me["email"].as_str().unwrap().to_owned(),
        token: service.admin().to_owned(),
    }
}

/// What `from` may do to end that `to` is an administrator: one of three ways, by turns.
fn attack(service: &Service, number: usize, from: &Account, to: &Account) -> RequestBuilder {
    let path = format!("/users/{}", to.id);
    match number % 3 {
        0 => service.request_as(&from.token, Method::DELETE, &path),
        1 => service.request_as(&from.token, Method::PUT, &(path + "/enable")),
        _ => service
            .request_as(&from.token, Method::PUT, &path)
            .json(&json!({"roles": ["ROLE_COLLABORATOR"]})),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_is_not_ended_by_one_who_was_ended_meanwhile() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let mut left = administrator(&service).await;

    for number in 0..3 {
        let other = service
            .account(&format!("root{number}@example.org"), &[Role::SystemAdmin])
            .await;
        // It has read that both are administrators, and is about to write.
        storage.begin(Schedule::Freeze { call: 1 });
        let mut late = pin!(send(attack(&service, number, &left, &other)));
        assert!(storage.until_stopped(late.as_mut()).await.is_none());
        storage.begin(Schedule::Clean);
        let won = send(attack(&service, number, &other, &left)).await;
        storage.thaw();
        let lost = late.await;

        assert_eq!(won.status, 200, "{}", won.text);
        assert_eq!(
            lost.expect(409)["detail"],
            "this is the last enabled system administrator"
        );
        assert_eq!(service.me(&other.token).await.expect(200)["enabled"], true);
        assert_eq!(service.app().users.active_system_admins().await.unwrap(), 1);
        left = other;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_goes_to_one_of_all_who_want_it_by_whichever_way() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let bob = service.account("bob@example.org", &[Role::Originator]).await;
    let mut made = 0;

    for round in 0..20 {
        let email = format!("wanted{round}@example.org");
        let take = |account: &Account| {
            let request = service.request(Method::PUT, &format!("/users/{}", account.id));
            send(request.json(&json!({ "email": email.to_uppercase() })))
        };
        let user = json!({ "email": email, "roles": "ROLE_ORIGINATOR" });
        // Each round another one is first.
        let wait = |place: u64| tokio::time::sleep(Duration::from_millis((round + place) % 4 * 5));

        let (one, two, new, import) = futures::join!(
            async { (wait(0).await, take(&ada).await).1 },
            async { (wait(1).await, take(&bob).await).1 },
            async { (wait(2).await, service.post("/users", &user).await).1 },
            service.import(format!("email\n{email}\n"), &[]),
        );

        let statuses = [&one, &two, &new].map(|answer| answer.status.as_u16());
        let imported = import.expect(200);
        let mut winners = statuses.iter().filter(|status| **status < 300).count();
        for (answer, status) in [&one, &two, &new].into_iter().zip(statuses) {
            assert!([200, 201, 409].contains(&status), "{}", answer.text);
        }
        if imported["counts"]["created"] == 1 {
            winners += 1;
            made += 1;
        } else {
            assert_eq!(imported["rowErrors"][0]["code"], "already_exists", "{imported}");
        }
        made += u64::from(new.status == StatusCode::CREATED);
        assert_eq!(winners, 1, "{statuses:?} and {imported}");
        let query = format!("/users?searchText={email}");
        assert_eq!(service.get(&query).await.expect(200)["count"], 1);
    }

    let numbers = service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["totalUsers"], 3 + made);
}

/// Lets two administrators, who are all there are, delete, disable or demote each other at once, so many
/// times.
async fn duel(duels: usize) {
    let service = Service::start().await;
    let mut left = administrator(&service).await;

    for number in 0..duels {
        let other = service
            .account(&format!("root{number}@example.org"), &[Role::SystemAdmin])
            .await;

        let (one, two) = futures::join!(
            send(attack(&service, number, &left, &other)),
            send(attack(&service, number, &other, &left))
        );

        let won = [&one, &two].map(|answer| answer.status == StatusCode::OK);
        assert!(won[0] != won[1], "{} and {}", one.text, two.text);
        // 401 if deleted or disabled before, 403 if demoted before, 409 if the other one was the last by then.
        let lost = if won[0] { &two } else { &one };
        assert!([401, 403, 409].contains(&lost.status.as_u16()), "{}", lost.text);
        if won[1] {
            left = other;
        }
        assert_eq!(service.app().users.active_system_admins().await.unwrap(), 1);
        let me = service.me(&left.token).await;
        assert_eq!(me.expect(200)["roles"], json!(["ROLE_SYSTEM_ADMIN"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_many_at_once_is_lost() {
    const MEMBERS: [&str; 6] = [
        "firstName",
        "lastName",
        "otherName",
        "planId",
        "externalUserId",
        "email",
    ];
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);

    for round in 0..30 {
        let value = |member: &str| match member {
            "email" => format!("ada{round}@example.org"),
            _ => format!("{member}{round}"),
        };
        let puts = MEMBERS.map(|member| {
            let body = Value::from_iter([(member, value(member))]);
            send(service.request(Method::PUT, &user).json(&body))
        });
        let expire = send(service.request(Method::PUT, &format!("{user}/expire")));

        let (answers, expired) = futures::join!(join_all(puts), expire);

        assert_eq!(expired.status, 200, "{}", expired.text);
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let stored = service.get(&user).await;
        for member in MEMBERS {
            assert_eq!(stored.json()[member], value(member));
        }
        assert_eq!(stored.header("etag"), format!("\"{}\"", (round + 1) * 7));
    }
    assert_eq!(service.me(&ada.token).await.status, 401);
}
