/**
 * A program of an integrator, with the types that are generated from openapi.json: `client.js FILE`.
 *
 * Its URL and its token are in the environment. Each step is a call and what has to come of it.
 */

import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./access-service.js";

type Schemas = components["schemas"];
type User = Schemas["User"];

const baseUrl = `${process.env["URL"]}/api/v1`;
let steps = 0;

function signedIn(token: string) {
    return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
}
type Api = ReturnType<typeof signedIn>;

/** The answer of a success. */
function success<T>(what: string, answer: { data?: T; error?: unknown }): T {
    assert.ok(answer.data !== undefined, `${what}: ${JSON.stringify(answer.error)}`);
    steps += 1;
    return answer.data;
}

/** The problem that an answer has to be; the gateway's own messages have no type. */
function problem(what: string, answer: { error?: Schemas["Problem"] | Schemas["GatewayMessage"] }): Schemas["Problem"] {
    assert.ok(answer.error && "type" in answer.error, what);
    steps += 1;
    return answer.error;
}

/** Sends a form; what JSON has no form for is a file. */
function form(body: Record<string, unknown>): FormData {
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) {
        if (value instanceof Blob) form.append(name, value, "people.csv");
        else form.append(name, String(value));
    }
    return form;
}

async function importsAFile(admin: Api, path: string) {
    const file = new Blob([await readFile(path)], { type: "text/csv" });
    const done = success("import a file", await admin.POST("/users/import", {
        // The type of a part that is a file is `string` to the generator.
        body: { file: file as unknown as string, mode: "create", ignoreDuplicates: false },
        bodySerializer: form,
    }));
    assert.equal(done.status, "completed");
    assert.deepEqual([done.counts.rows, done.counts.created, done.counts.failed], [10, 5, 5]);

    const params = { path: { importId: done.id } };
    const errors: Schemas["RowError"][] = [];
    let cursor: string | null | undefined;
    do {
        const query = { limit: 3, ...(cursor ? { cursor } : {}) };
        const page: Schemas["RowErrorPage"] = success("list row errors", await admin.GET(
            "/users/import/{importId}/errors", { params: { ...params, query } }));
        errors.push(...page.items);
        cursor = page.nextCursor;
    } while (cursor);
    assert.deepEqual([errors[0]?.line, errors[0]?.member, errors[0]?.code], [4, "email", "required"]);

    const rejected = success("download rejected rows", await admin.GET(
        "/users/import/{importId}/rejected", { params, parseAs: "text" }));
    const [header, ...rows] = rejected.trimEnd().split(/\r?\n/);
    assert.ok(header?.includes("roles,_line,_column,_code,"), header);
    assert.equal(rows.length, done.counts.failed);

    const again = success("read an import", await admin.GET("/users/import/{importId}", { params }));
    assert.equal(again.id, done.id);
}

async function uploadsAFile(admin: Api) {
    const template = success("download the template", await admin.GET(
        "/users/import/template", { parseAs: "text" }));
    const bytes = Buffer.byteLength(template);
    const opened = success("open an upload", await admin.POST("/users/import/uploads", {
        body: { bytes, fileName: "template.csv", mode: "validate" },
    }));
    const { method, url, contentType } = opened.upload;
    const sent = await fetch(url, { method, body: template, headers: { "Content-Type": contentType } });
    assert.ok(sent.ok, `${sent.status}`);
    let found: Schemas["Import"] = opened;
    for (let tries = 0; tries < 100 && !found.finishedAt; tries += 1) {
        await pause(100);
        found = success("wait for the import", await admin.GET(
            "/users/import/{importId}", { params: { path: { importId: opened.id } } }));
    }
    assert.deepEqual([found.status, found.counts.failed], ["completed", 0]);
}

async function managesUsers(admin: Api): Promise<User> {
    const mary = success("create a user", await admin.POST("/users", {
        body: { email: "mary@example.org", firstName: "Mary", roles: ["ROLE_ORIGINATOR"] },
    }));
    const path = { userId: mary.id };
    const read = await admin.GET("/users/{userId}", { params: { path } });
    success("read a user", read);
    const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
    const change = { params: { path, header }, body: { lastName: "Shelley", mobileNumber: null } };
    const changed = success("change a user", await admin.PUT("/users/{userId}", change));
    assert.equal(changed.lastName, "Shelley");

    const query = { searchText: "shelley", enabled: true, limit: 5 };
    const found = success("list users", await admin.GET("/users", { params: { query } }));
    assert.deepEqual(found.items.map(user => user.id), [mary.id]);

    const lapsed = problem("change it by an old tag", await admin.PUT("/users/{userId}", change));
    assert.equal(lapsed.type, "/problems/precondition-failed");
    return mary;
}

async function keepsContacts(admin: Api, mary: User) {
    const token = success("issue a token", await admin.POST("/users/{userId}/tokens", {
        params: { path: { userId: mary.id } }, body: { expiresIn: 600 },
    }));
    const hers = signedIn(token.accessToken);
    assert.equal(success("read myself", await hers.GET("/users/me")).id, mary.id);
    const body = { otherName: "Wollstonecraft" };
    assert.equal(success("change myself", await hers.PUT("/users/me", { body })).otherName, "Wollstonecraft");

    const added = success("create a contact", await hers.POST("/users/me/contacts", {
        body: { contacts: [{ email: "ada@example.org", firstName: "Ada" }], ignoreDuplicates: true },
    }));
    const contactId = added.results[0]?.id ?? "";
    const params = { path: { contactId } };
    const changed = success("change a contact", await hers.PUT("/users/me/contacts/{contactId}", {
        params, body: { email: "ada@example.org", lastName: "Lovelace" },
    }));
    assert.equal(changed.lastName, "Lovelace");
    const listed = success("list contacts", await hers.GET("/users/me/contacts"));
    assert.deepEqual(listed.items.map(contact => contact.id), [contactId]);
    const deleted = success("delete a contact", await hers.DELETE("/users/me/contacts/{contactId}", { params }));
    assert.equal(deleted.id, contactId);

    success("revoke a token", await hers.POST("/auth/token/revoke"));
    const ended = problem("use a revoked token", await hers.GET("/users/me"));
    assert.deepEqual([ended.status, ended.type], [401, "/problems/unauthenticated"]);
}

async function getsProblems(admin: Api, mary: User) {
    const invalid = problem("create a user without an address", await admin.POST("/users", {
        body: { email: "tim@", roles: ["ROLE_ORIGINATOR"] },
    }));
    assert.deepEqual([invalid.type, invalid.status], ["/problems/invalid", 422]);
    assert.deepEqual(
        invalid.errors?.map(({ pointer, code }) => [pointer, code]), [["#/email", "invalid_format"]]);

    const params = { path: { userId: mary.id } };
    success("delete a user", await admin.DELETE("/users/{userId}", { params }));
    const gone = problem("read a deleted user", await admin.GET("/users/{userId}", { params }));
    assert.equal(gone.type, "/problems/not-found");
}

const [, , path] = process.argv;
const { TOKEN } = process.env;
assert.ok(path && TOKEN);
const admin = signedIn(TOKEN);
await importsAFile(admin, path);
await uploadsAFile(admin);
const mary = await managesUsers(admin);
await keepsContacts(admin, mary);
await getsProblems(admin, mary);
console.log(`${steps} steps passed`);
