// One account: its fields, its state, its tokens.

import { json, Problem, tagged } from "./api.js";
import { confirmed } from "./dialog.js";
import { button, clone, fill, part, piece, say } from "./dom.js";
import { build, changed, clear, faults, formOf, PERSON, roles, same, set, shown, values } from "./form.js";
import { history } from "./history.js";
import { guard } from "./main.js";
import { memberName, personName, when } from "./words.js";

/** @typedef {Record<string, unknown>} Values */

/**
 * A record that is being edited.
 * @typedef {object} Editing
 * @property {HTMLElement} root
 * @property {HTMLFormElement} form
 * @property {string} path where it is read and written
 * @property {Api.User} user as it was read
 * @property {string} etag of what was read
 * @property {import("./main.js").Place} place
 * @property {string[]} kept members that cannot be changed here
 * @property {() => Promise<void>} noted reads the history again
 */

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const [id = ""] = place.args;
    if (id === "new") {
        add(place);
        return;
    }
    const path = `/users/${encodeURIComponent(id)}`;
    try {
        await edit(place, path, []);
    } catch (error) {
        const isGone = error instanceof Problem && error.status === 404 && place.me.roles.includes("ROLE_SYSTEM_ADMIN");
        if (!isGone || !await gone(place, path)) throw error;
    }
}

/**
 * Shows the history of an account that was deleted, and returns whether there is one.
 * @param {import("./main.js").Place} place
 * @param {string} path
 */
async function gone(place, path) {
    const root = clone("gone"), { signal } = place;
    const isKept = await json("GET", `${path}/history`, { query: { limit: 0 }, signal }).then(() => true, () => false);
    if (!isKept) return false;
    place.title("Deleted account");
    place.put(root);
    await history(piece(root, "history"), path, signal)();
    return true;
}

/** @param {import("./main.js").Place} place */
function add(place) {
    const root = clone("user"), form = formOf(root);
    build(piece(root, "fields"), PERSON);
    roles(piece(root, "roles"), role => role !== "ROLE_ADHOC_COLLABORATOR" && mayGive(role, place.me));
    set(form, { roles: ["ROLE_COLLABORATOR"] });
    fill(root, { title: "New user", save: "Create" });
    button(root, "reset").hidden = true;
    place.title("New user");
    place.put(root);
    const empty = values(form);
    guard(() => Object.keys(changed(values(form), empty)).length > 0);
    // A second click, or a second try after a lost answer, makes no second account.
    const key = crypto.randomUUID();
    form.addEventListener("submit", async event => {
        event.preventDefault();
        const save = button(root, "save");
        save.disabled = true;
        clear(form);
        try {
            const given = Object.fromEntries(Object.entries(values(form)).filter(([, value]) => value !== null));
            /** @type {Api.User} */
            const made = await json("POST", "/users", { json: { email: "", ...given }, headers: { "Idempotency-Key": `${key}-${sum(given)}` } });
            guard(() => false);
            say(`${made.email} is created.`);
            location.hash = `#/users/${made.id}`;
        } catch (error) {
            if (error instanceof Problem) faults(form, error);
        } finally {
            save.disabled = false;
        }
    });
    /** @type {HTMLElement} */ (form.querySelector("[name=email]")).focus();
}

/** A short mark of a value: a corrected request is another one. @param {unknown} value */
function sum(value) {
    let sum = 0;
    for (const character of JSON.stringify(value)) sum = (Math.imul(sum, 31) + character.charCodeAt(0)) | 0;
    return (sum >>> 0).toString(36);
}

/**
 * Shows the record at `path` as a form, and returns what shows it.
 * @param {import("./main.js").Place} place
 * @param {string} path
 * @param {string[]} kept members that cannot be changed here
 */
export async function edit(place, path, kept) {
    /** @type {{ body: Api.User, etag: string }} */
    const { body: user, etag } = await tagged("GET", path, { signal: place.signal });
    const root = clone("user"), form = formOf(root);
    build(piece(root, "fields"), PERSON);
    const mayRoles = kept.includes("roles") ? () => false : (/** @type {string} */ role) => mayGive(role, place.me);
    roles(piece(root, "roles"), mayRoles);
    for (const name of kept) {
        const input = form.querySelector(`[name="${name}"]`);
        if (input instanceof HTMLInputElement || input instanceof HTMLSelectElement) input.disabled = true;
    }
    place.put(root);
    /** @type {Editing} */
    const editing = { root, form, path, user, etag, place, kept, noted: async () => {} };
    if (!path.startsWith("/users/me")) editing.noted = history(piece(root, "history"), path, place.signal);
    refresh(editing);
    settle(editing);
    guard(() => Object.keys(changed(values(form), record(editing.user))).length > 0);
    form.addEventListener("submit", event => { event.preventDefault(); void save(editing); });
    button(root, "reset").addEventListener("click", () => {
        clear(form);
        set(form, record(editing.user));
        say("The changes are discarded.");
    });
    if (path.startsWith("/users/me")) piece(root, "crumb").hidden = true;
    else access(editing);
    return root;
}

/** @param {Api.User} user @returns {Values} */
const record = user => ({ ...user });

/** Whether `me` may give `role`. @param {string} role @param {Api.User} me */
function mayGive(role, me) {
    return !role.endsWith("_ADMIN") || me.roles.includes("ROLE_SYSTEM_ADMIN");
}

/** Shows the record as it was read. @param {Editing} editing */
function refresh(editing) {
    const { root, form, user, place } = editing;
    set(form, record(user));
    const way = user.importId ? `imported, line ${user.importLine ?? "?"}` : "added by hand";
    fill(root, {
        title: personName(user),
        about: `${user.enabled ? "Enabled" : "Disabled"} · created ${when(user.createdAt)}, ${way} · changed ${when(user.modifiedAt)}`,
        "toggle-title": user.enabled ? "Disable" : "Enable",
        "toggle-text": user.enabled ? "The account cannot be used until somebody enables it." : "The account can be used again.",
        toggle: user.enabled ? "Disable" : "Enable",
    });
    const from = part(root, "from", HTMLAnchorElement);
    from.hidden = !user.importId || editing.path.startsWith("/users/me");
    from.href = `#/imports/${user.importId}`;
    place.title(personName(user));
    pending(editing);
    void editing.noted();
}

/** Shows the address that the owner asks for. @param {Editing} editing */
function pending({ root, path, user: { email, pendingEmail } }) {
    const isMine = path.startsWith("/users/me"), isSame = pendingEmail === email;
    piece(root, "pending").hidden = pendingEmail === null;
    fill(root, {
        "pending-title": isSame ? `Nobody has confirmed ${email}` : `${isMine ? "You ask" : "The owner asks"} for the address ${pendingEmail}`,
        "pending-text": isMine ? "It becomes your address when an administrator confirms it, or when you sign in with an issuer that proves it."
            : isSame ? "The owner set this address under an earlier version. Imports and sign-ins do not find the account by it until you confirm it."
                : "Make sure that it is theirs: imports and sign-ins find the account by its address.",
        confirm: isSame ? "Confirm the address" : "Make it the address",
        withdraw: isMine ? "Withdraw" : "Decline",
    });
    button(root, "confirm").hidden = isMine;
    button(root, "withdraw").hidden = isSame;
}

/** Lets an administrator decide about the address that the owner asks for, and the owner withdraw it. @param {Editing} editing */
function settle(editing) {
    const { root, path } = editing;
    /** @param {Values} change @param {string} done */
    const put = async (change, done) => {
        try {
            const typed = values(editing.form), before = record(editing.user);
            const { body, etag } = /** @type {{ body: Api.User, etag: string }} */ (
                await tagged("PUT", path, { json: change, headers: { "If-Match": editing.etag } }));
            Object.assign(editing, { user: body, etag });
            refresh(editing);
            set(editing.form, { ...record(body), ...changed(typed, before) });
            say(done);
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            if (error.status === 412) await conflict(editing, changed(values(editing.form), record(editing.user)));
            else await confirmed({ title: "Nothing was done", text: error.message, yes: "Close", no: "" });
        }
    };
    button(root, "confirm").addEventListener("click", () =>
        put({ email: editing.user.pendingEmail, pendingEmail: null }, "It is the account's address now."));
    button(root, "withdraw").addEventListener("click", () => put({ pendingEmail: null }, "The account keeps its address."));
}

/** @param {Editing} editing */
async function save(editing) {
    const { root, form, path } = editing, button_ = button(root, "save");
    clear(form);
    fill(root, { save: "Save" });
    const change = changed(values(form), record(editing.user));
    for (const name of editing.kept) delete change[name];
    if (!Object.keys(change).length) {
        say("Nothing was changed.");
        return;
    }
    button_.disabled = true;
    try {
        const { body, etag } = /** @type {{ body: Api.User, etag: string }} */ (
            await tagged("PUT", path, { json: change, headers: { "If-Match": editing.etag } }));
        Object.assign(editing, { user: body, etag });
        refresh(editing);
        piece(root, "conflict").replaceChildren();
        say("Saved.");
        fill(root, { save: "Saved" });
        setTimeout(() => fill(root, { save: "Save" }), 2000);
    } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.status === 412) await conflict(editing, change);
        else faults(form, error);
    } finally {
        button_.disabled = false;
    }
}

/**
 * Shows what somebody else changed meanwhile, and lets the person decide.
 * @param {Editing} editing
 * @param {Values} mine
 */
async function conflict(editing, mine) {
    const { root, path } = editing, before = record(editing.user);
    const { body, etag } = /** @type {{ body: Api.User, etag: string }} */ (await tagged("GET", path));
    const theirs = record(body), section = clone("conflict");
    const names = [...PERSON.map(([name]) => name), "roles", "enabled"];
    const different = names.filter(name => !same(theirs[name], before[name]) || name in mine && !same(mine[name], theirs[name]));
    piece(section, "rows").append(...different.map(name => {
        const row = clone("conflict-row");
        fill(row, { field: memberName(name), mine: shown(name in mine ? mine[name] : before[name]), theirs: shown(theirs[name]) });
        return row;
    }));
    const end = () => piece(root, "conflict").replaceChildren();
    button(section, "keep-mine").addEventListener("click", async () => {
        // Only what was changed here goes over theirs.
        const typed = values(editing.form);
        Object.assign(editing, { user: body, etag });
        refresh(editing);
        set(editing.form, { ...theirs, ...changed(typed, before) });
        end();
        await save(editing);
    });
    button(section, "take-theirs").addEventListener("click", () => {
        Object.assign(editing, { user: body, etag });
        refresh(editing);
        end();
        say("The form has what is stored now.");
    });
    piece(root, "conflict").replaceChildren(section);
    section.focus();
}

/** What can be done with the account besides changing it. @param {Editing} editing */
function access(editing) {
    const { root, path, place } = editing, isMe = editing.user.id === place.me.id;
    piece(root, "access").hidden = false;
    piece(root, "toggle-item").hidden = isMe;
    piece(root, "delete-item").hidden = isMe;
    piece(root, "token-item").hidden = !place.settings.tokenIssue || !place.me.roles.includes("ROLE_SYSTEM_ADMIN");
    /** @param {() => Promise<void>} work */
    const trying = async work => {
        try {
            await work();
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            if (error.status === 412) await conflict(editing, changed(values(editing.form), record(editing.user)));
            else await confirmed({ title: "Nothing was done", text: error.message, yes: "Close", no: "" });
        }
    };
    button(root, "toggle").addEventListener("click", () => trying(async () => {
        const { user } = editing;
        const what = user.enabled ? "Disable" : "Enable";
        if (!await confirmed({ title: `${what} ${user.email}?`, yes: what, danger: user.enabled })) return;
        const typed = values(editing.form), before = record(user);
        const { body, etag } = /** @type {{ body: Api.User, etag: string }} */ (
            await tagged("PUT", `${path}/enable`, { headers: { "If-Match": editing.etag } }));
        Object.assign(editing, { user: body, etag });
        refresh(editing);
        set(editing.form, { ...record(body), ...changed(typed, before) });
        say(body.enabled ? "Enabled." : "Disabled.");
    }));
    button(root, "expire").addEventListener("click", () => trying(async () => {
        const sure = await confirmed({ title: `End every access token of ${editing.user.email}?`, yes: "End tokens" });
        if (!sure) return;
        await json("PUT", `${path}/expire`);
        say("Every access token has ended.");
        const { body, etag } = /** @type {{ body: Api.User, etag: string }} */ (await tagged("GET", path));
        Object.assign(editing, { user: body, etag });
        await editing.noted();
    }));
    button(root, "token").addEventListener("click", () => trying(() => issue(editing)));
    button(root, "delete").addEventListener("click", () => trying(async () => {
        const { email } = editing.user;
        const sure = await confirmed({
            title: `Delete ${email}?`, text: "The account goes with its contacts and tokens. This cannot be undone.",
            yes: "Delete", typed: email, danger: true,
        });
        if (!sure) return;
        await json("DELETE", path, { headers: { "If-Match": editing.etag } });
        guard(() => false);
        say(`${email} is deleted.`);
        location.hash = "#/users";
    }));
}

/** Issues a token and shows it, once. @param {Editing} editing */
async function issue(editing) {
    const sure = await confirmed({
        title: `Issue an access token for ${editing.user.email}?`,
        text: "Whoever has it can do everything that this account may do. It is valid for 12 hours.", yes: "Issue a token",
    });
    if (!sure) return;
    /** @type {Api.NewToken} */
    const token = await json("POST", `${editing.path}/tokens`, { json: {} });
    void editing.noted();
    const body = clone("token"), field = part(body, "token", HTMLInputElement);
    field.value = token.accessToken;
    fill(body, { until: `Valid until ${new Date(token.expiresAt).toLocaleString("en-GB")}` });
    button(body, "copy").addEventListener("click", async () => {
        field.select();
        await navigator.clipboard.writeText(token.accessToken);
        fill(body, { copy: "Copied" });
        say("Copied");
    });
    await confirmed({ title: "Copy the token now", text: "It is not shown again.", yes: "Close", no: "", body });
}
