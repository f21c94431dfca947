// What an import found and did, in detail: its causes and errors, and the accounts that it changed.

import { json } from "./api.js";
import { button, clone, fill, part, piece } from "./dom.js";
import { shown } from "./form.js";
import { isCheck, isUndo } from "./home.js";
import { Paged } from "./paged.js";
import { causeName, memberName, number, plural, visible } from "./words.js";

/** Values of a cause that are shown. */
const VALUES = 4;

/**
 * Shows what is wrong: the causes, and the errors, all or those of one cause.
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 */
export async function errors(root, one, signal) {
    if (!one.counts.failed && !one.counts.warnings) return;
    /** @type {Api.Cause | null} */
    let cause = null;
    const paged = new Paged({
        table: "errors", row: errorRow, none: "Single errors are kept no longer; download the rows to correct.",
        title: count => cause ? `${causeName(cause)}, ${plural(count, "time")}` : isUndo(one) ? `${plural(count, "account")} kept` : plural(count, one.counts.failed ? "error" : "warning"),
        closed: () => { cause = null; },
        read: query => {
            const severity = cause?.severity ?? (one.counts.failed ? "error" : "warning");
            return json("GET", `/users/import/${one.id}/errors`, {
                query: { ...query, severity, member: cause?.member ?? "", code: cause?.code ?? "" }, signal,
            });
        },
    });
    const [causes] = await Promise.all([
        /** @type {Promise<Api.Causes>} */ (json("GET", `/users/import/${one.id}/causes`, { signal })), paged.look(),
    ]);
    const table = clone("causes"), place = piece(root, "causes-list");
    piece(table, "rows").append(...causes.items.map(one => causeRow(one, () => { cause = one; void paged.open(); })));
    place.replaceChildren(table);
    if (isUndo(one)) fill(root, { "causes-title": "What was kept, and why" });
    piece(root, "causes").hidden = !causes.items.length;
    piece(root, "errors").replaceChildren(paged.root);
}

/**
 * Shows the accounts that an import created, changed or deleted, or would.
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 */
export async function changes(root, one, signal) {
    const { created, updated, deleted } = one.counts, isRoster = one.missing !== "ignore";
    if (!created && !updated && !deleted && !isRoster) return;
    const would = isCheck(one) ? "would be " : "";
    /** @type {Paged<Api.ImportChange>} */
    const paged = new Paged({
        table: "changes", row: change => changeRow(change, would), none: "Nothing is listed.",
        title: count => isRoster ? `${plural(count, "account")} ${would}changed, or not in the file` : `${plural(count, "account")} ${would}${deleted || !created ? "changed" : updated ? "created or changed" : "created"}`,
        read: query => json("GET", `/users/import/${one.id}/changes`, { query, signal }),
    });
    // What would become of accounts that people use is for everybody to see.
    if (would && (updated || isRoster)) paged.isOpen = true;
    await paged.look();
    piece(root, "changes").replaceChildren(paged.root);
}

/** @param {Api.ImportChange} change @param {string} would */
function changeRow({ line, userId, email, outcome, changes }, would) {
    const row = clone("change"), link = part(row, "account", HTMLAnchorElement);
    const became = outcome === "missing" ? "not in the file" : would + (outcome === "updated" ? "changed" : outcome);
    fill(row, { line: line === null ? "" : number(line), account: visible(email ?? ""), outcome: became });
    // An account that is gone, or not there yet, has no page.
    if (userId && outcome !== "deleted") link.href = `#/users/${userId}`;
    piece(row, "values").append(...(outcome === "deleted" ? [] : changes).map(({ member, before, after }) => {
        const made = clone("cause-value"), was = outcome === "created" ? "" : `${shown(before)} → `;
        fill(made, { about: `${memberName(member)}:`, value: visible(was + shown(after)) });
        made.prepend(piece(made, "about"));
        return made;
    }));
    return row;
}

/** @param {Api.Cause} cause @param {() => void} show */
function causeRow(cause, show) {
    const row = clone("cause"), isWarning = cause.severity === "warning", shown = cause.values.slice(0, VALUES);
    const name = cause.code === null ? "Other causes" : causeName(cause);
    const others = cause.others + cause.values.slice(VALUES).reduce((sum, value) => sum + value.rows, 0);
    fill(row, {
        sign: isWarning ? "△ Warning:" : "▲", name, rows: number(cause.rows), lines: cause.lines.join(", "),
        message: cause.values.length ? "" : visible(cause.message),
    });
    piece(row, "sign").classList.add(isWarning ? "warn" : "bad");
    piece(row, "values").append(...shown.map(({ value, rows, suggestion }) => {
        const made = clone("cause-value");
        const meant = suggestion === null ? "" : `most likely ${suggestion ? visible(suggestion) : "empty"}`;
        fill(made, { value: visible(value), about: [rows > 1 ? plural(rows, "row") : "", meant].filter(Boolean).join(", ") });
        return made;
    }));
    if (others && shown.length) {
        const made = clone("cause-value");
        fill(made, { about: `other values in ${plural(others, "row")}` });
        piece(row, "values").append(made);
    }
    const go = button(row, "show");
    go.hidden = cause.code === null;
    go.setAttribute("aria-label", `Show the rows with: ${name}`);
    go.addEventListener("click", show);
    return row;
}

/** @param {Api.RowError} error */
function errorRow(error) {
    const row = clone("error-row"), sign = part(row, "sign", HTMLElement);
    const isWarning = error.severity === "warning";
    fill(row, {
        // An account that is in no row has none.
        line: error.row === 0 ? "" : error.lastLine ? `${number(error.line)} to ${number(error.lastLine)}` : number(error.line),
        column: visible(error.column ?? ""),
        value: visible(error.value ?? ""),
        sign: isWarning ? "△ Warning:" : "▲",
        message: visible(error.message),
        suggestion: error.suggestion ? `Most likely meant: ${visible(error.suggestion)}` : "",
    });
    sign.classList.add(isWarning ? "warn" : "bad");
    return row;
}
