// Users: search, filters, order, pages, and actions on a selection.

import { json } from "./api.js";
import { confirmed } from "./dialog.js";
import { button, choices, clone, empty, fill, given, part, piece, say, time } from "./dom.js";
import { number, personName, plural, ROLES, roleName, when } from "./words.js";

/** Users on a page: as many as one request for a selection may name. */
const LIMIT = 100;
/** How long the page waits for the next key before it searches, in milliseconds. */
const TYPING = 120;

/** The orders, as `sortBy` and `orderBy`. @type {[string, string][]} */
const ORDERS = [
    ["email ASC", "By address"], ["lastName ASC", "By last name"], ["createdAt DESC", "Newest first"],
    ["createdAt ASC", "Oldest first"],
];

/** @type {Record<string, { title: (n: number) => string, yes: string, text: string, danger?: boolean }>} */
const ACTIONS = {
    enable: { title: n => `Enable ${plural(n, "user")}?`, yes: "Enable", text: "They can sign in again." },
    disable: { title: n => `Disable ${plural(n, "user")}?`, yes: "Disable", text: "They cannot sign in until somebody enables them." },
    expire: { title: n => `End the access tokens of ${plural(n, "user")}?`, yes: "End tokens", text: "They have to sign in again." },
    delete: {
        title: n => `Delete ${plural(n, "user")}?`, yes: "Delete", danger: true,
        text: "The accounts go with their contacts and tokens. This cannot be undone.",
    },
};

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const root = clone("users"), form = part(root, "form", HTMLFormElement);
    choices(part(root, "role", HTMLSelectElement), [["", "Any role"], ...ROLES]);
    choices(part(root, "sort", HTMLSelectElement), ORDERS);
    place.title("Users");
    /** Cursors of the pages before this one. @type {string[]} */
    let before = [];
    /** @type {Api.UserPage} */
    let page;
    /** @type {Set<string>} */
    let picked = new Set();

    const look = latest(async () => {
        const [sortBy = "", orderBy = ""] = given(form, "sort").split(" ");
        const query = {
            searchText: given(form, "searchText").trim(), role: given(form, "role"), enabled: given(form, "enabled"),
            sortBy, orderBy, limit: LIMIT, cursor: before.at(-1),
        };
        page = await json("GET", "/users", { query, signal: place.signal });
        picked = new Set();
        draw();
    });
    const restart = () => { before = []; return look(); };

    function draw() {
        const list = piece(root, "list"), last = page.offset + page.items.length;
        fill(root, { range: page.count ? `${number(page.offset + 1)} to ${number(last)} of ${number(page.count)}` : "none" });
        button(root, "previous").disabled = before.length === 0;
        button(root, "next").disabled = page.nextCursor === null;
        say(plural(page.count, "user"));
        if (page.items.length) {
            const table = clone("users-table"), all = part(table, "all", HTMLInputElement);
            piece(table, "rows").append(...page.items.map(user => row(user, on => {
                if (on) picked.add(user.id);
                else picked.delete(user.id);
                all.checked = picked.size === page.items.length;
                all.indeterminate = picked.size > 0 && !all.checked;
                selection();
            })));
            all.addEventListener("change", () => {
                for (const box of table.querySelectorAll("[data-part=pick]")) {
                    /** @type {HTMLInputElement} */ (box).checked = all.checked;
                }
                picked = new Set(all.checked ? page.items.map(user => user.id) : []);
                selection();
            });
            list.replaceChildren(table);
        } else {
            list.replaceChildren(empty("No user matches."));
        }
        selection();
    }

    function selection() {
        piece(root, "chosen").hidden = picked.size === 0;
        fill(root, { "chosen-count": `${plural(picked.size, "user")} selected` });
    }

    let timer = 0;
    part(root, "search", HTMLInputElement).addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => void restart(), TYPING);
    });
    form.addEventListener("change", event => {
        if (event.target instanceof HTMLSelectElement) void restart();
    });
    form.addEventListener("submit", event => { event.preventDefault(); void restart(); });
    button(root, "next").addEventListener("click", () => {
        if (page.nextCursor) { before.push(page.nextCursor); void look(); }
    });
    button(root, "previous").addEventListener("click", () => { before.pop(); void look(); });
    for (const one of root.querySelectorAll("[data-action]")) {
        const name = one.getAttribute("data-action") ?? "";
        one.addEventListener("click", async () => {
            if (await bulk(name, [...picked])) await look();
        });
    }
    await look();
    place.put(root);
}

/**
 * Makes one call at a time of `work`: what is asked meanwhile is done once, when the one under way has ended.
 * @param {() => Promise<void>} work
 * @returns {() => Promise<void>}
 */
export function latest(work) {
    /** @type {Promise<void> | null} */
    let running = null;
    let again = false;
    return () => {
        if (running) {
            again = true;
            return running;
        }
        running = (async () => {
            try {
                do {
                    again = false;
                    await work();
                } while (again);
            } finally {
                running = null;
            }
        })();
        return running;
    };
}

/** What an account asks for that an administrator has to decide. @param {Api.User} user */
function pending({ pendingEmail, email }) {
    if (pendingEmail === null) return "";
    return pendingEmail === email ? "not confirmed" : `asks for ${pendingEmail}`;
}

/** @param {Api.User} user @param {(on: boolean) => void} picked */
function row(user, picked) {
    const made = clone("user-row"), link = part(made, "name", HTMLAnchorElement), pick = part(made, "pick", HTMLInputElement);
    link.href = `#/users/${user.id}`;
    link.textContent = personName(user);
    fill(made, {
        email: user.email, pending: pending(user), roles: user.roles.map(roleName).join(", "), "pick-label": `Select ${user.email}`,
        state: user.enabled ? "✓ Enabled" : "◼ Disabled",
    });
    piece(made, "state").classList.add(user.enabled ? "good" : "off");
    time(made, "when", when(user.modifiedAt), user.modifiedAt);
    pick.addEventListener("change", () => picked(pick.checked));
    return made;
}

/**
 * Does `action` to the users with these ids, after a question; returns whether it was asked of the service.
 * @param {string} action
 * @param {string[]} ids
 */
async function bulk(action, ids) {
    const { title, ...rest } = ACTIONS[action] ?? ACTIONS.enable;
    const typed = action === "delete" ? { typed: `delete ${ids.length}` } : {};
    if (!await confirmed({ title: title(ids.length), ...rest, ...typed })) return false;
    try {
        /** @type {Api.BulkResults} */
        const { results } = await json("POST", "/users/bulk", { query: { action }, json: { ids } });
        const refused = results.filter(one => one.detail !== null);
        if (refused.length) {
            const reasons = [...new Set(refused.map(one => one.detail))].join("; ");
            await confirmed({ title: `${plural(refused.length, "user")} stayed as ${refused.length === 1 ? "it is" : "they are"}`, text: reasons, yes: "Close", no: "" });
        } else {
            say("Done.");
        }
    } catch (error) {
        await confirmed({ title: "Nothing was done", text: error instanceof Error ? error.message : String(error), yes: "Close", no: "" });
    }
    return true;
}
