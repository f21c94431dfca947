// Who did what to an account, newest first.

import { json, Problem } from "./api.js";
import { clone, empty, fill, part, piece, time } from "./dom.js";
import { shown } from "./form.js";
import { sender } from "./home.js";
import { Paged } from "./paged.js";
import { memberName, plural, visible } from "./words.js";

/** What each act is called. @type {Record<string, string>} */
const ACTS = {
    created: "Created", changed: "Changed", enabled: "Enabled", disabled: "Disabled", tokens_expired: "Access tokens ended",
    token_issued: "Access token issued", signed_in_first: "First sign-in by the issuer", deleted: "Deleted",
    undone: "Import taken back",
};

/**
 * Shows the history of the account at `path`. Returns a function that reads it again.
 * @param {HTMLElement} place
 * @param {string} path
 * @param {AbortSignal} signal
 */
export function history(place, path, signal) {
    /** @type {Paged<Api.HistoryLine>} */
    const paged = new Paged({
        table: "history", row, none: "Nothing is noted.",
        title: count => `History: ${plural(count, "act")}`,
        read: query => json("GET", `${path}/history`, { query, signal }),
    });
    return async () => {
        try {
            await paged.look();
            if (!paged.root.isConnected) place.replaceChildren(paged.root);
        } catch (error) {
            if (signal.aborted) return;
            if (!(error instanceof Problem)) throw error;
            // Administrators of users see their own account, but not its history.
            place.replaceChildren(...error.status === 403 ? [] : [empty(error.message)]);
        }
    };
}

/** @param {Api.HistoryLine} line */
function row({ at, by, action, changes }) {
    const row = clone("act"), link = part(row, "by", HTMLAnchorElement), [, imported] = by.split("import:");
    time(row, "when", new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }), at);
    fill(row, { action: ACTS[action] ?? action });
    if (imported) {
        link.textContent = "An import";
        link.href = `#/imports/${imported}`;
    } else if (by === "bootstrap" || by === "issuer") {
        link.textContent = by === "issuer" ? "The issuer" : "An operator";
    } else {
        link.textContent = by;
        void sender(by).then(name => {
            link.textContent = name;
            if (name.includes("@")) link.href = `#/users/${by}`;
        }, () => {});
    }
    piece(row, "values").append(...changes.map(({ member, before, after }) => {
        const made = clone("cause-value"), was = before === null ? "" : `${shown(before)} → `;
        fill(made, { about: memberName(member) + (after === null ? "" : ":"), value: after === null ? "" : visible(was + shown(after)) });
        made.prepend(piece(made, "about"));
        return made;
    }));
    return row;
}
