// The rows that an import rejected, as the service reads them: some at a time, each with its errors.

import { json } from "./api.js";

/**
 * What is wrong with a row: an error of a row that was rejected, or of one that was checked.
 * @typedef {Api.RejectedRowFault & { severity?: Api.Severity }} Fault
 */

/**
 * Gives the rows in line order, a page at a time.
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Api.RejectedRowsPage, void>}
 */
export async function* rejected(one, signal) {
    /** @type {number | null} */
    let line = 0;
    while (line !== null) {
        /** @type {Api.RejectedRowsPage} */
        const page = await json("GET", `/users/import/${one.id}/rejected`, { query: { format: "json", line }, signal });
        yield page;
        line = page.nextLine;
    }
}
