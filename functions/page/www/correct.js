// Correcting the rows that an import rejected: a table of these rows only, the message under its cell, one remedy for
// all rows alike, and a number that goes to zero.

import { json } from "./api.js";
import { isOpen } from "./dialog.js";
import { act, button, choices, clone, empty, fill, part, piece, say } from "./dom.js";
import { isFinal } from "./home.js";
import { start } from "./intake.js";
import { countries } from "./look.js";
import { guard } from "./main.js";
import { Rows } from "./rows.js";
import { causeName, number, plural, roleName, ROLES, visible } from "./words.js";

/** Rows on a page of the table. */
const LIMIT = 100;

/** The errors that only leaving the row out, or another value for each, can end. */
const ALONE = ["duplicate_in_file", "already_exists", "column_count", "unclosed_quote", "row_too_large", "malformed_quote"];
/** The filters that are no cause. @type {Record<string, string>} */
const FILTERS = { "": "All rows to correct", done: "Corrected", out: "Left out" };
const OF_ROLES = ["unknown_role", "not_assignable", "forbidden_role"];

class Table {
    /** @param {import("./main.js").Place} place @param {Api.Import} one */
    constructor(place, one) {
        this.place = place;
        this.one = one;
        this.root = clone("correct");
        this.rows = new Rows(one, place.signal, () => this.later());
        /** Which rows are shown: the key of a cause, or "" for all, "done" or "out". */
        this.filter = "";
        this.page = 0;
        /** Rows that were corrected under the filter stay where they are, until it changes. @type {import("./rows.js").Row[]} */
        this.listed = [];
        this.frame = 0;
        this.spoken = -1;
    }

    async begin() {
        const { root, place, rows } = this;
        await rows.load();
        this.choose("");
        place.put(root);
        button(root, "undo").addEventListener("click", () => this.back());
        button(root, "redo").addEventListener("click", () => this.again());
        button(root, "previous").addEventListener("click", () => this.turn(this.page - 1));
        button(root, "next").addEventListener("click", () => this.turn(this.page + 1));
        button(root, "go").addEventListener("click", () => void this.send());
        const jump = part(root, "jump", HTMLInputElement);
        part(root, "jump-form", HTMLFormElement).addEventListener("submit", event => {
            event.preventDefault();
            this.jump(Number(jump.value));
        });
        const table = piece(root, "table");
        table.addEventListener("change", event => this.typed(event.target));
        table.addEventListener("keydown", event => this.key(event));
        document.addEventListener("keydown", event => this.keyAnywhere(event), { signal: place.signal });
        guard(() => rows.isChanged(), "closing");
    }

    /** Draws soon, once for all changes of a moment. */
    later() {
        this.frame ||= requestAnimationFrame(() => {
            this.frame = 0;
            if (!this.place.signal.aborted) this.draw();
        });
    }

    /** Shows the rows of a filter. @param {string} filter */
    choose(filter) {
        this.filter = filter;
        this.page = 0;
        this.listed = this.filtered();
        this.draw();
    }

    filtered() {
        const { rows } = this;
        if (this.filter === "done") return rows.rows.filter(row => row.done && !row.out);
        if (this.filter === "out") return rows.rows.filter(row => row.out);
        if (this.filter === "") return rows.open();
        return rows.causes().find(cause => cause.key === this.filter)?.rows ?? [];
    }

    draw() {
        const { root, rows } = this, open = rows.open().length, all = rows.rows.length;
        const out = rows.rows.filter(row => row.out).length, causes = rows.causes();
        // While rows still come, those that match join at the end.
        if (!rows.complete && !["done", "out"].includes(this.filter)) {
            const known = new Set(this.listed);
            this.listed.push(...this.filtered().filter(row => !known.has(row)));
        }
        const title = open ? `${number(open)} of ${plural(all, "row")} left` : `Nothing left of ${plural(all, "row")}`;
        fill(root, { title, about: rows.complete ? "" : "More rows are on their way …", fault: rows.trouble });
        if (rows.waiting.size === 0 && rows.complete && open !== this.spoken) {
            this.spoken = open;
            say(title);
        }
        button(root, "undo").disabled = !rows.past.length;
        button(root, "redo").disabled = !rows.future.length;
        const go = button(root, "go"), done = all - open - out;
        go.textContent = done ? `Import ${plural(done, "corrected row")}` : open ? "Nothing is corrected yet" : "Nothing to import";
        if (open && done) go.textContent += `, keep ${number(open)}`;
        go.disabled = !done || rows.waiting.size > 0 || !rows.complete;
        this.drawCauses(causes, open, done, out);
        this.drawRemedies(causes);
        this.drawTable();
    }

    /** @param {import("./rows.js").Cause[]} causes @param {number} open @param {number} done @param {number} out */
    drawCauses(causes, open, done, out) {
        /** @type {[string, string, number][]} */
        const filters = [
            ["", "All rows to correct", open],
            ...causes.map(cause => /** @type {[string, string, number]} */ ([cause.key, causeName(cause.example), cause.rows.length])),
            ["done", "✓ Corrected", done], ["out", "Left out", out],
        ];
        const list = piece(this.root, "causes"), focused = list.contains(document.activeElement);
        list.replaceChildren(...filters.map(([key, name, count]) => {
            const made = clone("filter");
            fill(made, { name, count: number(count) });
            if (key === this.filter) made.setAttribute("aria-current", "true");
            made.addEventListener("click", () => this.choose(key));
            return made;
        }));
        if (focused) /** @type {HTMLElement | null} */ (list.querySelector("[aria-current]"))?.focus();
    }

    /** What can be done to all rows of the cause at once. @param {import("./rows.js").Cause[]} causes */
    drawRemedies(causes) {
        const { root } = this, cause = causes.find(one => one.key === this.filter), bar = piece(root, "remedies");
        const title = cause ? `${causeName(cause.example)}, ${plural(cause.rows.length, "row")}` : FILTERS[this.filter] ?? "Nothing left of this cause";
        fill(root, { "filter-title": title });
        const key = cause ? `${cause.key} ${cause.rows.length} ${this.rows.waiting.size > 0}` : `${this.filter} ${causes[0]?.key} ${causes[0]?.rows.length}`;
        if (bar.dataset.for === key) return;
        bar.dataset.for = key;
        if (!cause) {
            const leave = this.filter === "out" && this.listed.length ? [act("Take them back in", "small", () => {
                this.rows.step("take back in", this.listed, row => row.cells);
                this.choose("");
            })] : [];
            const [next] = ["done", "out"].includes(this.filter) ? [] : causes;
            if (next) leave.push(act(`${this.filter ? "Next" : "Begin with"}: ${causeName(next.example)}, ${plural(next.rows.length, "row")}`, "small main", () => this.choose(next.key)));
            bar.replaceChildren(...leave);
            return;
        }
        const { example } = cause, { rows } = this, made = [];
        const suggested = cause.rows.filter(row => Rows.of(row, cause).some(fault => fault.suggestion !== null));
        /** @param {string} what @param {(fault: import("./rejected.js").Fault) => string | null} value */
        const set = (what, value) => this.apply(cause, what, row => {
            const cells = [...row.cells];
            for (const fault of Rows.of(row, cause)) {
                const place = rows.place(fault), text = value(fault);
                if (place >= 0 && text !== null) cells[place] = text;
            }
            return cells;
        });
        if (suggested.length) {
            made.push(act(`Use ${plural(suggested.length, "suggestion")}`, "small main", () => set("use suggestions", fault => fault.suggestion)));
        }
        if (OF_ROLES.includes(example.code)) {
            const field = clone("give"), select = part(field, "role", HTMLSelectElement);
            choices(select, ROLES.filter(([role]) => role !== "ROLE_ADHOC_COLLABORATOR"
                && (!role.endsWith("_ADMIN") || this.place.me.roles.includes("ROLE_SYSTEM_ADMIN"))));
            select.value = "ROLE_COLLABORATOR";
            made.push(field, act(`Apply to ${plural(cause.rows.length, "row")}`, "small", () => set("give a role", () => writtenRole(select.value))));
        } else if (example.member === "mobileNumber" && example.code === "invalid_format") {
            const field = clone("country"), select = part(field, "country", HTMLSelectElement);
            choices(select, countries());
            select.value = rows.country || (navigator.language.split("-")[1] ?? "GB");
            made.push(field, act(`Apply to ${plural(cause.rows.length, "row")}`, "small", () => {
                this.apply(cause, "choose a country", row => [...row.cells], select.value);
            }), act(cause.rows.length === 1 ? "Empty the cell" : `Empty ${plural(cause.rows.length, "cell")}`, "small", () => set("empty the cells", () => "")));
        } else if (!ALONE.includes(example.code) && example.member !== "email") {
            if (example.code !== "required") {
                made.push(act(cause.rows.length === 1 ? "Empty the cell" : `Empty ${plural(cause.rows.length, "cell")}`, "small", () => set("empty the cells", () => "")));
            }
        }
        const short = cause.rows.filter(row => row.cells.slice(rows.columns.length).every(cell => !cell));
        if (example.code === "column_count" && short.length) {
            made.push(act(`Add empty cells to ${plural(short.length, "short row")}`, "small", () => this.apply(cause, "add empty cells", row =>
                short.includes(row) ? rows.columns.map((_, place) => row.cells[place] ?? "") : row.cells)));
        }
        made.push(act(`Leave out ${plural(cause.rows.length, "row")}`, "small", () => this.apply(cause, "leave out", () => null)));
        bar.replaceChildren(...made);
    }

    /**
     * Changes all rows of a cause in one step.
     * @param {import("./rows.js").Cause} cause
     * @param {string} what
     * @param {(row: import("./rows.js").Row) => string[] | null} change
     * @param {string} [country]
     */
    apply(cause, what, change, country) {
        const count = this.rows.step(what, cause.rows, change, country);
        say(`Changed ${plural(count, "row")}.`);
        button(this.root, "undo").focus();
    }

    drawTable() {
        const { root, rows } = this, pages = Math.max(1, Math.ceil(this.listed.length / LIMIT));
        this.page = Math.min(this.page, pages - 1);
        const from = this.page * LIMIT, shown = this.listed.slice(from, from + LIMIT), table = piece(root, "table");
        fill(root, { range: this.listed.length ? `Rows ${number(from + 1)} to ${number(from + shown.length)} of ${number(this.listed.length)}` : "" });
        button(root, "previous").disabled = this.page === 0;
        button(root, "next").disabled = this.page >= pages - 1;
        if (!shown.length) {
            const text = { done: "Nothing is corrected yet.", out: "No row is left out." }[this.filter]
                ?? (rows.open().length ? "Nothing left of this cause. Choose the next one." : "Nothing left to correct.");
            table.replaceChildren(empty(text));
            return;
        }
        const head = `${this.page} ${rows.columns.join("\0")}`;
        let body = table.querySelector("tbody");
        if (table.dataset.for !== head || !body) {
            const grid = clone("grid"), line = piece(grid, "columns");
            line.lastElementChild?.before(...rows.shown().map(([column]) => {
                const made = clone("grid-column");
                made.textContent = visible(column) || "(no name)";
                return made;
            }));
            table.replaceChildren(grid);
            table.dataset.for = head;
            body = /** @type {HTMLTableSectionElement} */ (grid.querySelector("tbody"));
        }
        const grid = /** @type {HTMLElement} */ (table.querySelector("table"));
        grid.setAttribute("aria-rowcount", String(this.listed.length + 1));
        this.fillBody(body, shown, from);
    }

    /**
     * Brings the rows of the table to what `shown` has; a row that is as it was is left alone, and with it the focus.
     * @param {HTMLTableSectionElement} body
     * @param {import("./rows.js").Row[]} shown
     * @param {number} from
     */
    fillBody(body, shown, from) {
        shown.forEach((row, place) => {
            const old = /** @type {HTMLElement | undefined} */ (body.children[place]);
            const mark = JSON.stringify([row.line, row.cells, row.out, row.done, row.checking, row.faults]);
            if (old && marks.get(old) === mark) return;
            const focus = old?.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement ? document.activeElement.name : "";
            const made = this.row(row, from + place);
            marks.set(made, mark);
            if (old) old.replaceWith(made);
            else body.append(made);
            if (focus) /** @type {HTMLElement | null} */ (made.querySelector(`[name="${focus}"]`))?.focus();
        });
        while (body.children.length > shown.length) body.lastElementChild?.remove();
    }

    /** @param {import("./rows.js").Row} row @param {number} index */
    row(row, index) {
        const made = clone("grid-row"), { rows } = this;
        made.setAttribute("aria-rowindex", String(index + 2));
        if (row.out) made.classList.add("out");
        const whole = row.faults.filter(fault => rows.place(fault) < 0 || rows.place(fault) >= rows.columns.length);
        fill(made, {
            line: rows.lineOf(row),
            state: row.out ? "left out" : row.checking ? "checking …" : row.done ? "✓ corrected" : "",
            whole: row.done ? "" : whole.map(fault => visible(fault.message)).join("; "),
        });
        const leave = button(made, "leave");
        leave.textContent = row.out ? "Take in" : "Leave out";
        leave.setAttribute("aria-label", `${leave.textContent} line ${rows.lineOf(row)}`);
        leave.addEventListener("click", () => rows.step("leave out", [row], () => row.out ? row.cells : null));
        const last = made.lastElementChild;
        for (const [column, place] of rows.shown()) last?.before(this.cell(row, column, place));
        return made;
    }

    /** @param {import("./rows.js").Row} row @param {string} column @param {number} place */
    cell(row, column, place) {
        const made = clone("grid-cell"), input = part(made, "input", HTMLInputElement), text = row.cells[place] ?? "";
        const faults = row.out ? [] : row.faults.filter(fault => this.rows.place(fault) === place);
        const errors = faults.filter(fault => fault.severity !== "warning");
        made.dataset.label = visible(column);
        if (this.rows.members[place] === "email") made.classList.add("address");
        input.name = `${row.line} ${place}`;
        input.value = text;
        input.disabled = row.out;
        input.setAttribute("aria-label", `${visible(column) || "no name"}, line ${this.rows.lineOf(row)}`);
        rowOf.set(input, row);
        const isChanged = text !== (row.was[place] ?? "");
        const said = faults.map(fault => sentence(fault)).join("; ");
        const was = isChanged && !errors.length ? (row.was[place] ? `was “${visible(row.was[place])}”` : "was empty") : "";
        fill(made, { say: said || was });
        if (errors.length) {
            made.classList.add("fault");
            input.setAttribute("aria-invalid", "true");
        } else if (isChanged) {
            made.classList.add("done");
        } else if (!faults.length) {
            made.classList.add("ok");
        }
        if (said || was) {
            const id = `say-${row.line}-${place}`;
            piece(made, "say").id = id;
            input.setAttribute("aria-describedby", id);
        }
        const suggestion = faults.find(fault => fault.suggestion !== null)?.suggestion;
        if (suggestion !== undefined && suggestion !== null && suggestion !== text) {
            made.append(act(suggestion ? `Use ${visible(suggestion)}` : "Empty it", "small", () => this.set(row, place, suggestion)));
        }
        return made;
    }

    /** @param {import("./rows.js").Row} row @param {number} place @param {string} text */
    set(row, place, text) {
        this.rows.step("edit", [row], () => {
            const cells = [...row.cells];
            while (cells.length <= place) cells.push("");
            cells[place] = text;
            return cells;
        });
    }

    /** @param {EventTarget | null} target */
    typed(target) {
        if (!(target instanceof HTMLInputElement)) return;
        const row = rowOf.get(target), place = Number(target.name.split(" ")[1]);
        // An input has no line breaks: what it shows of a cell that has some is no change of it.
        if (row && target.value !== (row.cells[place] ?? "").replace(/[\r\n]/g, "")) this.set(row, place, target.value);
    }

    /** Keys within the table. @param {KeyboardEvent} event */
    key(event) {
        const { target } = event;
        if (!(target instanceof HTMLInputElement)) return;
        const row = rowOf.get(target), place = Number(target.name.split(" ")[1]);
        if (!row) return;
        if (event.key === "Enter") {
            event.preventDefault();
            this.typed(target);
            this.seek(1, target);
        } else if (event.key === "Escape") {
            target.value = row.cells[place] ?? "";
            target.select();
        } else if (event.key === "PageDown" || event.key === "PageUp") {
            event.preventDefault();
            this.turn(this.page + (event.key === "PageDown" ? 1 : -1));
        }
    }

    /** Keys that work wherever the focus is. @param {KeyboardEvent} event */
    keyAnywhere(event) {
        if (isOpen()) return;
        const { target } = event, row = target instanceof HTMLInputElement ? rowOf.get(target) : undefined;
        const isTyping = target instanceof HTMLInputElement && row && target.value !== (row.cells[Number(target.name.split(" ")[1])] ?? "");
        if (event.key === "F8") {
            event.preventDefault();
            this.seek(event.shiftKey ? -1 : 1, target);
        } else if ((event.ctrlKey || event.metaKey) && (event.key === "Home" || event.key === "End")) {
            event.preventDefault();
            this.turn(event.key === "Home" ? 0 : Infinity);
        } else if ((event.ctrlKey || event.metaKey) && !isTyping && event.key.toLowerCase() === "z") {
            event.preventDefault();
            if (event.shiftKey) this.again();
            else this.back();
        } else if ((event.ctrlKey || event.metaKey) && !isTyping && event.key.toLowerCase() === "y") {
            event.preventDefault();
            this.again();
        }
    }

    /** Goes to the next or the previous error, on another page if there is none on this one. @param {number} by @param {EventTarget | null} from */
    seek(by, from) {
        const inputs = /** @type {HTMLInputElement[]} */ ([...piece(this.root, "table").querySelectorAll("input")]);
        const at = inputs.indexOf(/** @type {HTMLInputElement} */ (from));
        const next = by > 0 ? inputs.slice(at + 1) : inputs.slice(0, at < 0 ? inputs.length : at).reverse();
        const found = next.find(input => input.getAttribute("aria-invalid") === "true");
        if (found) {
            found.focus();
            found.select();
            found.scrollIntoView({ block: "nearest" });
            return;
        }
        const pages = Math.ceil(this.listed.length / LIMIT);
        if (this.page + by >= 0 && this.page + by < pages) {
            this.turn(this.page + by);
            this.seek(by, null);
        } else {
            say(by > 0 ? "There is no further error." : "There is no error before this one.");
        }
    }

    /** @param {number} page */
    turn(page) {
        const last = Math.max(0, Math.ceil(this.listed.length / LIMIT) - 1);
        this.page = Math.min(Math.max(page, 0), last);
        this.drawTable();
        piece(this.root, "table").querySelector("input")?.focus();
        say(piece(this.root, "range").textContent ?? "");
    }

    /** @param {number} line */
    jump(line) {
        const index = this.listed.findIndex(row => this.rows.ownLine(row) >= line);
        if (index < 0) {
            say("No row of this list is on that line or after it.");
            return;
        }
        this.turn(Math.floor(index / LIMIT));
        const row = piece(this.root, "table").querySelectorAll("tbody tr")[index % LIMIT];
        row?.querySelector("input")?.focus();
    }

    back() {
        const what = this.rows.undo();
        say(what ? `Undone: ${what}.` : "There is nothing to undo.");
        if (what) this.choose(this.filter);
    }

    again() {
        const what = this.rows.redo();
        say(what ? `Done again: ${what}.` : "There is nothing to do again.");
        if (what) this.choose(this.filter);
    }

    /** Imports the rows; those that are still wrong are what the new import rejects. */
    async send() {
        const { root, rows, one, place } = this, go = button(root, "go");
        go.disabled = true;
        const name = `${(one.fileName ?? "rows").replace(/\.[^.]+$/, "").replace(/, corrected$/, "")}, corrected.csv`;
        const file = new File([rows.file()], name, { type: "text/csv" });
        const options = {
            mode: one.mode === "upsert" ? "upsert" : "create", ignoreDuplicates: String(one.ignoreDuplicates),
            defaultRoles: one.defaultRoles.join(";"), unknownColumns: "ignore", parent: one.id,
            // By position, because the headers may mean something only by what was said for the first file.
            columns: JSON.stringify(Object.fromEntries(rows.members.map((member, place) => [`#${place + 1}`, member]))),
            ...rows.country ? { country: rows.country } : {},
        };
        try {
            const id = await start({ file, options }, {}, piece(root, "upload"), place.signal);
            rows.forget();
            guard(() => false);
            location.hash = `#/imports/${id}`;
        } catch (error) {
            if (place.signal.aborted) return;
            rows.fail(error);
            go.disabled = false;
        }
    }
}

/** A role as a person would write it in a file. @param {string} role */
const writtenRole = role => role.endsWith("_ADMIN") ? role : roleName(role);

/** What each row of the table was made from. @type {WeakMap<Element, string>} */
const marks = new WeakMap();
/** The row that an input belongs to. @type {WeakMap<Element, import("./rows.js").Row>} */
const rowOf = new WeakMap();

/** A message without the name of its column, which stands above it. @param {import("./rejected.js").Fault} fault */
function sentence(fault) {
    const start = `${fault.column ?? ""} `;
    const text = fault.column && fault.message.startsWith(start) ? fault.message.slice(start.length) : fault.message;
    const value = fault.value === null ? "" : `"${fault.value}" `;
    // What follows the semicolon is advice for those who send the file again; here the remedies are at hand.
    return visible((value && text.startsWith(value) ? text.slice(value.length) : text).split("; ")[0]);
}

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const [id = ""] = place.args;
    /** @type {Api.Import} */
    const one = await json("GET", `/users/import/${encodeURIComponent(id)}`, { signal: place.signal });
    place.title("Correct");
    if (!isFinal(one) || !one.counts.failed) {
        location.hash = `#/imports/${id}`;
        return;
    }
    const table = new Table(place, one);
    const back = part(table.root, "back", HTMLAnchorElement);
    back.href = `#/imports/${id}`;
    back.textContent = one.fileName ?? "import";
    await table.begin();
}
