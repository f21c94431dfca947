// The caller's own contacts.

import { json, Problem, tagged } from "./api.js";
import { confirmed } from "./dialog.js";
import { button, clone, empty, fill, part, piece, say, time } from "./dom.js";
import { build, changed, clear, faults, formOf, PERSON, set, values } from "./form.js";
import { guard } from "./main.js";
import { latest } from "./users.js";
import { number, plural, when } from "./words.js";

/** Contacts on a page. */
const LIMIT = 50;
/** How long the page waits for the next key before it searches, in milliseconds. */
const TYPING = 120;

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const root = clone("contacts"), form = formOf(root), search = part(root, "search", HTMLInputElement);
    build(piece(root, "fields"), PERSON.filter(([name]) => ["email", "firstName", "lastName"].includes(name)));
    place.title("Contacts");
    let offset = 0;
    /** What the form changes; null to add one. @type {{ contact: Api.Contact, etag: string } | null} */
    let editing = null;

    const look = latest(async () => {
        const query = { searchText: search.value.trim(), limit: LIMIT, offset };
        /** @type {Api.ContactPage} */
        const page = await json("GET", "/users/me/contacts", { query, signal: place.signal });
        const last = page.offset + page.items.length;
        fill(root, { range: page.count ? `${number(page.offset + 1)} to ${number(last)} of ${number(page.count)}` : "none" });
        button(root, "previous").disabled = offset === 0;
        button(root, "next").disabled = last >= page.count;
        say(plural(page.count, "contact"));
        const table = clone("contacts-table");
        piece(table, "rows").append(...page.items.map(row));
        piece(root, "list").replaceChildren(page.items.length ? table : empty("No contact matches."));
    });

    /** @param {Api.Contact} contact */
    function row(contact) {
        const made = clone("contact-row");
        fill(made, { email: contact.email, first: contact.firstName ?? "", last: contact.lastName ?? "" });
        time(made, "when", when(contact.modifiedAt), contact.modifiedAt);
        button(made, "edit").setAttribute("aria-label", `Edit ${contact.email}`);
        button(made, "delete").setAttribute("aria-label", `Delete ${contact.email}`);
        button(made, "edit").addEventListener("click", async () => {
            /** @type {{ body: Api.Contact, etag: string }} */
            const { body, etag } = await tagged("GET", `/users/me/contacts/${contact.id}`);
            begin({ contact: body, etag });
        });
        button(made, "delete").addEventListener("click", async () => {
            if (!await confirmed({ title: `Delete ${contact.email}?`, yes: "Delete", danger: true })) return;
            await json("DELETE", `/users/me/contacts/${contact.id}`);
            say(`${contact.email} is deleted.`);
            await look();
        });
        return made;
    }

    /** @param {typeof editing} what */
    function begin(what) {
        editing = what;
        clear(form);
        set(form, what ? { ...what.contact } : {});
        fill(root, { "form-title": what ? `Change ${what.contact.email}` : "Add a contact", save: what ? "Save" : "Add" });
        button(root, "cancel").hidden = !what;
        /** @type {HTMLElement} */ (form.querySelector("[name=email]")).focus();
    }

    button(root, "cancel").addEventListener("click", () => begin(null));
    form.addEventListener("submit", async event => {
        event.preventDefault();
        clear(form);
        try {
            const given = { ...values(form) };
            given.email ??= "";
            if (editing) {
                const path = `/users/me/contacts/${editing.contact.id}`;
                await json("PUT", path, { json: given, headers: { "If-Match": editing.etag } });
            } else {
                await json("POST", "/users/me/contacts", { json: { contacts: [given], ignoreDuplicates: false } });
            }
            say(editing ? "Saved." : "Added.");
            begin(null);
            await look();
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            faults(form, error);
            if (error.status === 412) {
                piece(form, "fault").textContent = "Somebody changed this contact meanwhile. Choose Edit again to see what is stored now.";
            }
        }
    });
    guard(() => Object.keys(changed(values(form), editing ? { ...editing.contact } : {})).length > 0);
    let timer = 0;
    search.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => { offset = 0; void look(); }, TYPING);
    });
    part(root, "search-form", HTMLFormElement).addEventListener("submit", event => event.preventDefault());
    const move = (/** @type {number} */ by) => { offset = Math.max(0, offset + by); void look(); };
    button(root, "previous").addEventListener("click", () => move(-LIMIT));
    button(root, "next").addEventListener("click", () => move(LIMIT));
    await look();
    place.put(root);
}
