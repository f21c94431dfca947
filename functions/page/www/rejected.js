// The rows that an import rejected, as the service gives them: its own CSV, of which it says how it is written, and the
// errors of each row. No file of a person is read here.

import { ask, json } from "./api.js";

/** Errors that one request brings, as many as the service gives at once. */
const LIMIT = 1000;
/** The column in which the service says where a row came from; what it has to say begins there. */
const LINE = "_line";

/**
 * @typedef {object} Rejected
 * @property {string[]} columns
 * @property {Listed[]} rows
 *
 * @typedef {{ line: number, cells: string[], code: string, message: string }} Listed
 */

/**
 * Returns the rows.
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 * @returns {Promise<Rejected>}
 */
export async function rejected(one, signal) {
    const answer = await ask("GET", `/users/import/${one.id}/rejected`, { headers: { Accept: "text/csv" }, signal });
    const [header = [], ...rows] = parse((await answer.text()).replace(/^\ufeff/, ""), one.read?.delimiter ?? ",");
    const end = header.indexOf(LINE), [code, message] = ["_code", "_message"].map(name => header.indexOf(name));
    return {
        columns: header.slice(0, end).map(unescaped),
        rows: rows.map(cells => ({
            line: Number(cells[end]), cells: cells.slice(0, end).map(unescaped), code: cells[code], message: unescaped(cells[message]),
        })),
    };
}

/**
 * Gives the errors in line order, some at a time.
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ errors: Api.RowError[], isLast: boolean }>}
 */
export async function* errors(one, signal) {
    for (let cursor = ""; ;) {
        /** @type {Api.RowErrorPage} */
        const page = await json("GET", `/users/import/${one.id}/errors`, { query: { limit: LIMIT, cursor }, signal });
        const isLast = page.nextCursor === null;
        yield { errors: page.items, isLast };
        if (page.nextCursor === null) return;
        cursor = page.nextCursor;
    }
}

/** What the service puts an apostrophe before, so that no spreadsheet runs it, without the apostrophe. @param {string} cell */
const unescaped = cell => /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;

/**
 * Reads CSV as the service writes it (RFC 4180).
 * @param {string} text
 * @param {string} delimiter
 */
function parse(text, delimiter) {
    /** @type {string[][]} */
    const rows = [];
    /** @type {string[]} */
    let row = [];
    for (let at = 0; at < text.length;) {
        let end;
        if (text[at] === "\"") {
            end = at + 1;
            while (end < text.length && (text[end] !== "\"" || text[end + 1] === "\"")) end += text[end] === "\"" ? 2 : 1;
            row.push(text.slice(at + 1, end).replaceAll("\"\"", "\""));
            end += 1;
        } else {
            end = at;
            while (end < text.length && text[end] !== delimiter && text[end] !== "\r" && text[end] !== "\n") end += 1;
            row.push(text.slice(at, end));
        }
        if (text[end] === delimiter) {
            at = end + 1;
            // A delimiter at the very end is followed by an empty cell.
            if (at === text.length || text[at] === "\r" || text[at] === "\n") row.push("");
            if (at < text.length && text[at] !== "\r" && text[at] !== "\n") continue;
            end = at;
        }
        at = text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : end + 1;
        rows.push(row);
        row = [];
    }
    return rows;
}
