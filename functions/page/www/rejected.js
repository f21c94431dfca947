// The rows that an import rejected, as the service reads them: some at a time, each with its errors.

import { json } from "./api.js";

/**
 * What is wrong with a row: an error of a row that was rejected, or of one that was checked.
 * @typedef {Api.RejectedRowFault & { severity?: Api.Severity }} Fault
 */

/** Parts of the file that are read at the same time, once the first page is there. */
const PARTS = 4;

/**
 * Gives the rows in line order: the first page as soon as it is there, the rest in large parts.
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ page: Api.RejectedRowsPage, isLast: boolean }, void>}
 */
export async function* rejected(one, signal) {
    /** @param {number} line @returns {Promise<Api.RejectedRowsPage>} */
    const read = line => json("GET", `/users/import/${one.id}/rejected`, { query: { format: "json", line }, signal });
    /** The rows from one line up to another. @param {number} from @param {number} end */
    const part = async (from, end) => {
        /** @type {Api.RejectedRow[]} */
        const items = [];
        /** @type {number | null} */
        let line = from;
        while (line !== null && line < end) {
            /** @type {Api.RejectedRowsPage} */
            const page = await read(line);
            items.push(...page.items.filter(row => row.line < end));
            line = page.nextLine;
        }
        return items;
    };
    const first = await read(0), from = first.nextLine;
    yield { page: first, isLast: from === null };
    if (from === null) return;
    // A row may have several lines, so the last part has no end.
    const step = Math.max(Math.ceil((one.counts.rows - from) / PARTS), 1);
    const parts = Array.from({ length: PARTS }, (_, place) =>
        part(from + place * step, place === PARTS - 1 ? Infinity : from + (place + 1) * step));
    // One that fails while another is awaited is awaited in its turn.
    for (const one of parts) one.catch(() => {});
    for (const [place, one] of parts.entries()) yield { page: { ...first, items: await one }, isLast: place === PARTS - 1 };
}
