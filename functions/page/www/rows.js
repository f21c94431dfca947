// The rows that an import rejected, while a person corrects them: what each has now, what is still wrong with it, and
// how to take a step back.

import { json } from "./api.js";
import { OWN_LINE, quoted, SHEET_ROW } from "./csv.js";
import { rejected } from "./rejected.js";
import { forgetPart, keepPart, keptPart } from "./session.js";
import { number } from "./words.js";

/** Rows, values and characters that one request may check. The service takes 500, 60,000 and 1 MB, in octets. */
const CHECKED = 500, VALUES = 55_000, CHARACTERS = 300_000;
/** How long the model waits for further changes before it checks them, in milliseconds. */
const SETTLE = 60;

/**
 * @typedef {import("./rejected.js").Fault} Fault
 *
 * @typedef {object} Row
 * @property {number} line of the file
 * @property {string[]} was the cells as they came
 * @property {string[]} cells as they are now
 * @property {Fault[]} first what was wrong with them
 * @property {Fault[]} faults what is wrong now
 * @property {boolean} out whether it is left out
 * @property {boolean} done whether it was changed and has no error any more
 * @property {boolean} checking whether an answer about it is awaited
 *
 * @typedef {{ row: Row, cells: string[], out: boolean }} Before
 * @typedef {{ what: string, before: Before[], country: string }} Step
 *
 * @typedef {object} Cause
 * @property {string} key
 * @property {Fault} example
 * @property {Row[]} rows
 */

export class Rows {
    /**
     * @param {Api.Import} one
     * @param {AbortSignal} signal
     * @param {() => void} changed called after every change
     */
    constructor(one, signal, changed) {
        this.one = one;
        this.signal = signal;
        this.changed = changed;
        /** The country of telephone numbers without a country code; empty for none. @type {string} */
        this.country = one.country ?? "";
        /** @type {string[]} */
        this.columns = [];
        /** What each column means. @type {(Api.Member | null)[]} */
        this.members = [];
        /** @type {Row[]} */
        this.rows = [];
        /** Whether every row has come. */
        this.complete = false;
        /** @type {Step[]} */
        this.past = [];
        /** @type {Step[]} */
        this.future = [];
        /** @type {Set<Row>} */
        this.waiting = new Set();
        this.timer = 0;
        /** Why the last check did not come about; empty if it did. */
        this.trouble = "";
        this.store = `corrections ${one.id}`;
    }

    /** Fetches the rows; resolves when the first are there. */
    async load() {
        const kept = /** @type {Record<string, string[] | null>} */ (JSON.parse(keptPart(this.store) || "{}"));
        this.country = kept.country?.[0] ?? this.country;
        const pages = rejected(this.one, this.signal);
        const more = async () => {
            const { value } = await pages.next();
            if (value && !this.columns.length) this.head(value.page.columns);
            if (value) this.add(value.page.items, kept);
            this.complete = !value || value.isLast;
            return !this.complete;
        };
        if (!await more()) return;
        void (async () => {
            while (await more()) this.changed();
            this.changed();
        })().catch(error => {
            if (!this.signal.aborted) this.fail(error);
        });
    }

    /**
     * @param {Api.RejectedRow[]} rows
     * @param {Record<string, string[] | null>} kept what was corrected before a reload, by line
     */
    add(rows, kept) {
        const changed = [];
        for (const { line, cells, faults } of rows) {
            /** @type {Row} */
            const row = { line, was: cells, cells, first: faults, faults, out: false, done: false, checking: false };
            this.rows.push(row);
            const correction = kept[line];
            if (correction === undefined) continue;
            if (correction === null) row.out = true;
            else row.cells = correction;
            changed.push(row);
        }
        this.check(changed.filter(row => !row.out));
    }

    /** @param {string[]} columns */
    head(columns) {
        this.columns = columns;
        const read = this.one.read?.columns ?? {};
        this.members = columns.map(column => {
            const found = Object.entries(read).find(([, header]) => header === column);
            return /** @type {Api.Member | null} */ (found?.[0] ?? null);
        });
    }

    /** The columns that a person sees, with their places. @returns {[string, number][]} */
    shown() {
        const all = this.columns.map((column, place) => /** @type {[string, number]} */ ([column, place]));
        return all.filter(([column]) => column !== SHEET_ROW && column !== OWN_LINE);
    }

    /** The line of the file that a person knows, from which a row came. @param {Row} row */
    ownLine(row) {
        const place = [SHEET_ROW, OWN_LINE].map(name => this.columns.indexOf(name)).find(place => place >= 0);
        return Number(place === undefined ? 0 : row.was[place]) || row.line;
    }

    /** @param {Row} row */
    lineOf(row) {
        return number(this.ownLine(row));
    }

    /** @param {unknown} error */
    fail(error) {
        this.trouble = error instanceof Error ? error.message : String(error);
        this.changed();
    }

    /** The rows that have an error and are not left out. */
    open() {
        return this.rows.filter(row => !row.out && !row.done);
    }

    /** The causes of what is still wrong, the largest first. @returns {Cause[]} */
    causes() {
        /** @type {Map<string, Cause>} */
        const found = new Map();
        for (const row of this.rows) {
            if (row.out || row.done) continue;
            const keys = new Set();
            for (const fault of row.faults) {
                if (fault.severity === "warning") continue;
                const key = `${fault.member ?? fault.column ?? ""} ${fault.code}`;
                if (keys.has(key)) continue;
                keys.add(key);
                const cause = found.get(key);
                if (cause) cause.rows.push(row);
                else found.set(key, { key, example: fault, rows: [row] });
            }
        }
        return [...found.values()].sort((a, b) => b.rows.length - a.rows.length);
    }

    /**
     * The errors of `row` that belong to `cause`.
     * @param {Row} row
     * @param {Cause} cause
     */
    static of(row, cause) {
        return row.faults.filter(fault => `${fault.member ?? fault.column ?? ""} ${fault.code}` === cause.key);
    }

    /** The column that an error is about; -1 for the row as a whole. @param {Fault} fault */
    place(fault) {
        const named = fault.column === null ? -1 : this.columns.indexOf(fault.column);
        return named >= 0 || fault.member === null ? named : this.members.indexOf(fault.member);
    }

    /**
     * Changes rows as one step that can be undone. `change` returns the new cells, the same array for no change, or null
     * to leave the row out.
     * @param {string} what
     * @param {Row[]} rows
     * @param {(row: Row) => string[] | null} change
     * @param {string} [country] the country of telephone numbers from this step on
     */
    step(what, rows, change, country = this.country) {
        /** @type {Before[]} */
        const before = [];
        for (const row of rows) {
            const cells = change(row);
            if (cells === row.cells && !row.out) continue;
            before.push({ row, cells: row.cells, out: row.out });
            row.out = cells === null;
            if (cells) row.cells = cells;
        }
        if (!before.length) return 0;
        this.past.push({ what, before, country: this.country });
        this.country = country;
        this.future = [];
        this.touched(before.map(one => one.row));
        return before.length;
    }

    /** Takes the last step back; returns what it was. */
    undo() {
        return this.swap(this.past, this.future);
    }

    /** Does the step again that was taken back last; returns what it was. */
    redo() {
        return this.swap(this.future, this.past);
    }

    /** @param {Step[]} from @param {Step[]} to */
    swap(from, to) {
        const step = from.pop();
        if (!step) return "";
        const before = step.before.map(({ row, cells, out }) => {
            const now = { row, cells: row.cells, out: row.out };
            Object.assign(row, { cells, out });
            return now;
        });
        to.push({ what: step.what, before, country: this.country });
        this.country = step.country;
        this.touched(step.before.map(one => one.row));
        return step.what;
    }

    /** @param {Row[]} rows */
    touched(rows) {
        this.keep();
        this.check(rows.filter(row => !row.out));
        this.changed();
    }

    /** Keeps the differences, so that they survive a reload of the tab. */
    keep() {
        /** @type {Record<string, string[] | null>} */
        const all = {};
        for (const row of this.rows) {
            if (row.out) all[row.line] = null;
            else if (row.cells !== row.was) all[row.line] = row.cells;
        }
        if (this.country !== (this.one.country ?? "")) all.country = [this.country];
        if (Object.keys(all).length) keepPart(this.store, JSON.stringify(all));
        else forgetPart(this.store);
    }

    /** Whether something was corrected that is not imported yet. */
    isChanged() {
        return this.rows.some(row => row.out || row.cells !== row.was);
    }

    /** Has `rows` checked soon, by the one validator that the import has. @param {Row[]} rows */
    check(rows) {
        for (const row of rows) {
            // A row as it came has the errors that it came with: the import saw the whole file, a check sees some rows.
            const isBack = row.cells === row.was;
            if (isBack) Object.assign(row, { faults: row.first, done: false });
            row.checking = !isBack;
            if (isBack) this.waiting.delete(row);
            else this.waiting.add(row);
        }
        if (!this.waiting.size || this.timer) return;
        this.timer = setTimeout(() => {
            this.run().catch(error => { if (!this.signal.aborted) this.fail(error); }).finally(() => {
                this.timer = 0;
                // Rows whose check failed keep waiting; the next change takes them along.
                if (this.waiting.size && !this.trouble) this.check([...this.waiting]);
            });
        }, SETTLE);
    }

    /** As many of the rows that wait as fit into a request. */
    some() {
        let values = 0, characters = 0;
        const rows = [...this.waiting].slice(0, CHECKED), end = rows.findIndex(row => {
            values += this.columns.length + 1;
            characters += row.cells.join("").length;
            return values > VALUES || characters > CHARACTERS;
        });
        return end < 0 ? rows : rows.slice(0, Math.max(end, 1));
    }

    async run() {
        this.trouble = "";
        while (this.waiting.size) {
            const rows = this.some(), cells = rows.map(row => row.cells);
            /** @type {Api.Check} */
            const answer = await json("POST", "/users/import/check", {
                json: {
                    columns: this.members, rows: cells.map(row => fitted(row, this.columns.length)),
                    mode: this.one.mode === "upsert" ? "upsert" : "create",
                    ignoreDuplicates: this.one.ignoreDuplicates, defaultRoles: this.one.defaultRoles,
                    ...this.country ? { country: this.country } : {},
                },
                signal: this.signal,
            });
            rows.forEach((row, place) => {
                // A row that was changed again meanwhile waits for its own answer.
                if (row.cells !== cells[place]) return;
                this.waiting.delete(row);
                row.checking = false;
                row.faults = answer.rows[place]?.faults ?? [];
                row.done = row.cells !== row.was && !row.faults.some(fault => fault.severity !== "warning");
            });
            this.changed();
        }
    }

    /** The rows that go into the next import, as a file that the service reads as it reads any other. */
    file() {
        const rows = this.rows.filter(row => !row.out);
        const isNamed = this.columns.includes(SHEET_ROW) || this.columns.includes(OWN_LINE);
        const lines = [this.columns, ...rows.map(row => fitted(row.cells, this.columns.length))];
        // The lines that a person knows go along, so that what fails again is found under the same number.
        if (!isNamed) lines.forEach((cells, place) => { lines[place] = [...cells, place ? String(rows[place - 1].line) : OWN_LINE]; });
        return new Blob(lines.map(cells => `${cells.map(escaped).join(",")}\r\n`), { type: "text/csv" });
    }

    /** Forgets the corrections: they are imported. */
    forget() {
        forgetPart(this.store);
        this.past = [];
    }
}

/**
 * `cells` with as many as there are columns: a row that was too short has empty ones.
 * @param {string[]} cells
 * @param {number} length
 */
const fitted = (cells, length) => Array.from({ length }, (_, place) => cells[place] ?? "");

/** A cell as CSV (RFC 4180). The service drops an apostrophe before a formula, so such a one gets another. @param {string} cell */
function escaped(cell) {
    return quoted(/^'[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);
}
