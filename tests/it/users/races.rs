//! Requests that meet.

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::models::Role;

use crate::support::{Account, Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_one_address_one_wins() {
    const RACES: usize = 200;
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

    stream::iter(0..RACES).for_each_concurrent(2, race).await;

    assert_eq!(service.get("/users?limit=0").await.json()["count"], RACES + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_delete_each_other_leave_one() {
    const RACES: usize = 200;
    let service = Service::start().await;
    let id = service.get("/users/me").await.json()["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut left = Account {
        id,
        email: String::new(),
        token: service.admin().to_owned(),
    };

    for number in 0..RACES {
        let other = service
            .account(&format!("root{number}@example.org"), &[Role::SystemAdmin])
            .await;
        let attack = |from: &Account, to: &Account| match number % 3 {
            0 => service.request_as(&from.token, Method::DELETE, &format!("/users/{}", to.id)),
            1 => service.request_as(&from.token, Method::PUT, &format!("/users/{}/enable", to.id)),
            _ => service
                .request_as(&from.token, Method::PUT, &format!("/users/{}", to.id))
                .json(&json!({"roles": ["ROLE_COLLABORATOR"]})),
        };

        let (one, two) = futures::join!(send(attack(&left, &other)), send(attack(&other, &left)));

        let won = [&one, &two].map(|answer| answer.status == StatusCode::OK);
        assert!(won[0] != won[1], "{} and {}", one.text, two.text);
        if won[1] {
            left = other;
        }
        assert_eq!(service.app().users.active_system_admins().await.unwrap(), 1);
        let me = send(service.request_as(&left.token, Method::GET, "/users/me")).await;
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
    assert_eq!(
        send(service.request_as(&ada.token, Method::GET, "/users/me"))
            .await
            .status,
        401
    );
}
