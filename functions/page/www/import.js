// One import: how far it is, what came of it, and what is wrong with its rows.

import { json, pause } from "./api.js";
import { act, button, clone, empty, fill, part, piece, say } from "./dom.js";
import { bar, counted, fileName, isCheck, isFinal, pace, sender, state } from "./home.js";
import { checkedBy, choseAgain, save, start } from "./intake.js";
import { delimiterName } from "./look.js";
import { causeName, number, plural, roleName, size, visible, when } from "./words.js";

/** Errors on a page. */
const LIMIT = 100;
/** Values of a cause that are shown. */
const VALUES = 4;
/** Rows that a tab corrects: it holds all of them. More are corrected as a file. */
const MOST = 100_000;
/** Between two looks, in milliseconds: at first, then slower and slower, up to the longest. */
const FIRST = 250, LONGEST = 2000;

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const [id = ""] = place.args;
    const read = () => /** @type {Promise<Api.Import>} */ (
        json("GET", `/users/import/${encodeURIComponent(id)}`, { signal: place.signal }));
    let one = await read();
    const root = clone("import");
    place.title(fileName(one));
    const kin = await kinOf(one, place.signal);
    draw(root, one, place, kin);
    place.main.replaceChildren(root);
    if (isFinal(one)) {
        await errors(root, one, place, kin);
        return;
    }
    follow().catch(error => {
        if (!place.signal.aborted) throw error;
    });

    async function follow() {
        let spoken = -1;
        for (let wait = FIRST; !isFinal(one); wait = Math.min(wait * 1.5, LONGEST)) {
            await pause(wait, place.signal);
            try {
                one = await read();
            } catch (error) {
                if (place.signal.aborted) return;
                piece(root, "fault").textContent = "The service cannot be reached just now. The import goes on by itself.";
                continue;
            }
            draw(root, one, place, kin);
            const quarter = Math.floor((one.progress.percent ?? 0) / 25);
            if (quarter > spoken) say(`${quarter * 25} % read`);
            spoken = Math.max(spoken, quarter);
        }
        say(headline(one));
        await errors(root, one, place, kin);
    }
}

/** What came of an import, in one sentence. @param {Api.Import} one @param {boolean} [wentOn] whether its rejected rows did */
function headline(one, wentOn = false) {
    const { rows, created, updated, failed, skipped } = one.counts;
    const done = created + updated + skipped;
    if (one.status === "failed") return "The file was refused as a whole.";
    if (!isFinal(one)) return state(one)[1].replace(/^\S+ /, "");
    const cancelled = one.status === "cancelled" ? "Cancelled. " : "";
    if (!rows) return `${cancelled}The file has no rows.`;
    if (isCheck(one)) {
        if (!failed) return `${cancelled}All ${plural(rows, "row")} are ready.`.replace("All 1 row are", "The 1 row is");
        if (!done) return `${cancelled}No row is ready. ${number(failed)} need${failed === 1 ? "s" : ""} a correction.`;
        return `${cancelled}${number(done)} of ${plural(rows, "row")} ${done === 1 ? "is" : "are"} ready. ${number(failed)} need${failed === 1 ? "s" : ""} a correction.`;
    }
    if (!failed) return `${cancelled}Done: ${counted(one)}.`;
    return `${cancelled}${counted({ ...one, counts: { ...one.counts, failed: 0 } }) || "No row imported"}. ${plural(failed, "row")} ${wentOn ? "went on to a correction" : "left to correct"}.`;
}

/**
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {import("./main.js").Place} place
 * @param {Kin} kin
 */
function draw(root, one, place, kin) {
    const title = headline(one, kin.children.length > 0);
    fill(root, { about: fileName(one), title, fault: one.status === "failed" ? one.message : "" });
    const share = piece(root, "share");
    share.replaceChildren(...one.counts.rows ? [bar(one)] : []);
    const { skipped } = one.counts, have = skipped === 1 ? "has" : "have";
    let message = isCheck(one) ? "Nothing has been written." : "";
    if (isCheck(one) && skipped) message += ` ${plural(skipped, "person", "people")} ${have} an account already.`;
    if (!isFinal(one)) message = [pace(one), counted(one), "You can close this tab; the import goes on."].filter(Boolean).join(" · ");
    else if (one.counts.warnings) message += ` ${plural(one.counts.warnings, "row")} with a warning.`;
    fill(root, { message });
    family(root, one, kin);
    acts(root, one, place, kin);
    facts(root, one);
}

/**
 * The buttons for what can be done with the import now.
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {import("./main.js").Place} place
 * @param {Kin} kin
 */
function acts(root, one, place, { children }) {
    const row = piece(root, "acts");
    if (row.dataset.for === one.status) return;
    row.dataset.for = one.status;
    const fault = piece(root, "fault");
    /** @param {string} method @param {string} path */
    const change = async (method, path) => {
        try {
            await json(method, `/users/import/${one.id}${path}`, method === "POST" ? { json: {} } : {});
            await show(place);
        } catch (error) {
            fault.textContent = error instanceof Error ? error.message : String(error);
        }
    };
    const buttons = [];
    if (one.status === "stalled") buttons.push(act("Resume", "main", () => void change("POST", "/resume")));
    if (!isFinal(one)) buttons.push(act("Cancel", "", () => void change("DELETE", "")));
    const good = one.counts.created + one.counts.updated + one.counts.unchanged + one.counts.skipped;
    if (isCheck(one) && one.status === "completed" && good) buttons.push(...carryOut(root, one, place));
    if (isFinal(one) && one.counts.failed) {
        const text = `Download the ${plural(one.counts.failed, "row")} to correct`;
        // Of a check that leaves something to import, the import rejects the same rows once more.
        if ((!isCheck(one) || !good) && one.counts.failed <= MOST) {
            const correct = `Correct ${plural(one.counts.failed, "row")}`;
            buttons.push(act(correct, children.length ? "" : "main", () => { location.hash = `#/imports/${one.id}/correct`; }));
        }
        buttons.push(act(text, "", () => void download(one, fault)));
    }
    if (isFinal(one)) {
        const link = clone("button");
        link.textContent = "All imports";
        link.addEventListener("click", () => { location.hash = "#/imports"; });
        buttons.push(link);
    }
    row.replaceChildren(...buttons);
}

/**
 * The buttons that import a file which was checked.
 * @param {HTMLElement} root
 * @param {Api.Import} check
 * @param {import("./main.js").Place} place
 */
function carryOut(root, check, place) {
    const { created, skipped, failed } = check.counts, fault = piece(root, "fault");
    const held = checkedBy(check.id), updated = held?.options.mode === "upsert" ? skipped : 0;
    const what = updated
        ? `Create ${number(created)} and update ${plural(updated, "user")}` : `Create ${plural(created, "user")}`;
    const rest = failed ? `, keep ${plural(failed, "row")} for correction` : "";
    if (!held) {
        const input = document.createElement("input");
        input.type = "file";
        input.addEventListener("change", async () => {
            const file = input.files?.[0];
            if (!file) return;
            if (await choseAgain(file, check)) await show(place);
            else fault.textContent = "This is not the file that was checked. Check it first.";
        });
        return [act("Choose the file again to import it", "main", () => input.click())];
    }
    const go = act(what + rest, "main", async () => {
        go.disabled = true;
        fault.textContent = "";
        try {
            location.hash = `#/imports/${await start(held, { parent: check.id }, piece(root, "upload"), place.signal)}`;
        } catch (error) {
            go.disabled = false;
            if (!place.signal.aborted) fault.textContent = error instanceof Error ? error.message : String(error);
        }
    });
    return [go];
}

/**
 * Saves the rejected rows on the person's machine.
 * @param {Api.Import} one
 * @param {HTMLElement} fault
 */
async function download(one, fault) {
    try {
        // By its URL, because a browser would send the token along on a redirect to storage.
        /** @type {Api.RejectedFile} */
        const { url } = await json("GET", `/users/import/${one.id}/rejected`, { headers: { Accept: "application/json" } });
        const answer = await fetch(url, { credentials: "omit" });
        if (!answer.ok) throw new Error(`The storage did not give the file (${answer.status}). Try again.`);
        save(await answer.blob(), `${fileName(one).replace(/\.[^.]+$/, "")} to correct.csv`);
    } catch (error) {
        fault.textContent = error instanceof Error ? error.message : String(error);
    }
}

/**
 * The import that this one goes on with, and those that go on with this one.
 * @typedef {{ parent: Api.Import | null, children: Api.Import[] }} Kin
 *
 * @param {Api.Import} one
 * @param {AbortSignal} signal
 * @returns {Promise<Kin>}
 */
async function kinOf(one, signal) {
    // Those that follow are newer, so they are among the first of the list.
    /** @type {[Api.ImportPage, Api.Import | null]} */
    const [{ items }, parent] = await Promise.all([
        json("GET", "/users/import", { query: { limit: 100 }, signal }),
        one.parent === null ? null : json("GET", `/users/import/${one.parent}`, { signal }).catch(() => null),
    ]);
    return { parent, children: items.filter(other => other.parent === one.id) };
}

/** @param {HTMLElement} root @param {Api.Import} one @param {Kin} kin */
function family(root, one, { parent, children }) {
    /** @type {[string, Api.Import][]} */
    const all = children.map(other => [isCheck(one) ? "It was imported:" : "Its rows went on in", other]);
    if (parent) all.unshift([isCheck(parent) ? "It was checked before:" : "It has the rejected rows of", parent]);
    const list = piece(root, "family");
    list.hidden = !all.length;
    list.replaceChildren(...all.map(([name, other]) => {
        const made = clone("kin"), link = part(made, "link", HTMLAnchorElement);
        link.href = `#/imports/${other.id}`;
        fill(made, { name, link: fileName(other), about: `${counted(other) || state(other)[1]}, ${when(other.createdAt)}` });
        return made;
    }));
}

/** @param {HTMLElement} root @param {Api.Import} one */
function facts(root, one) {
    const { read } = one;
    /** @type {[string, string][]} */
    const all = [
        ["What it does", isCheck(one) ? "Checks only" : one.mode === "undo" ? "Takes an import back" : one.mode === "upsert" ? "Creates or updates" : "Creates"],
        ["Existing addresses", one.mode === "upsert" ? "are updated" : one.ignoreDuplicates ? "are skipped" : "are errors"],
        ["Role of rows that name none", one.defaultRoles.map(roleName).join(", ")],
        ["File", one.bytes === null ? "not there yet" : size(one.bytes)],
        ["Read as", read ? `${read.encoding}, ${delimiterName(read.delimiter)}, ${plural(Object.keys(read.columns).length, "known column")}` : "not read yet"],
        ["Left out", read?.ignoredColumns.filter(name => !name.startsWith("_")).join(", ") ?? ""],
        ["Sent by", ""],
        ["Sent", when(one.createdAt)],
        ["Kept until", new Date(one.expiresAt).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })],
        ["Id", one.id],
    ];
    const list = piece(root, "facts");
    list.replaceChildren(...all.filter(([name, text]) => text || name === "Sent by").map(([name, text]) => {
        const made = clone("fact"), value = /** @type {HTMLElement} */ (made.querySelector("dd"));
        /** @type {HTMLElement} */ (made.querySelector("dt")).textContent = name;
        value.textContent = text;
        if (name === "Sent by") sender(one.createdBy).then(who => { value.textContent = who; }, () => {});
        return made;
    }));
}

/**
 * Shows what is wrong: the causes, and the errors a page at a time, all or those of one cause.
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {import("./main.js").Place} place
 * @param {Kin} kin
 */
async function errors(root, one, place, { parent }) {
    const section = piece(root, "errors"), list = piece(root, "errors-list"), every = button(root, "every");
    if (!one.counts.failed && !one.counts.warnings) return;
    let offset = 0, isOpen = false;
    /** @type {Api.Cause | null} */
    let cause = null;
    const look = async () => {
        const query = { limit: LIMIT, offset, ...cause ? { member: cause.member ?? "", code: cause.code ?? "" } : {}, severity: cause?.severity ?? (one.counts.failed ? "error" : "warning") };
        /** @type {Api.RowErrorPage} */
        const page = await json("GET", `/users/import/${one.id}/errors`, { query, signal: place.signal });
        const last = page.offset + page.items.length;
        const title = cause ? `${causeName(cause)}, ${plural(page.count, "time")}` : plural(page.count, one.counts.failed ? "error" : "warning");
        fill(root, { "errors-title": title, range: `${number(page.offset + 1)} to ${number(last)} of ${number(page.count)}` });
        every.textContent = cause ? "Show those of every cause" : isOpen ? "Hide" : "Show each";
        list.hidden = !isOpen;
        piece(root, "pager").hidden = page.count <= LIMIT || !isOpen;
        button(root, "previous").disabled = page.offset === 0;
        button(root, "next").disabled = last >= page.count;
        const table = clone("errors");
        piece(table, "rows").append(...page.items.map(errorRow));
        list.replaceChildren(page.items.length ? table : empty("Single errors are kept no longer; download the rows to correct."));
    };
    const again = () => look().then(() => { section.scrollIntoView(); section.focus({ preventScroll: true }); }, () => {});
    const move = (/** @type {number} */ by) => { offset = Math.max(0, offset + by); void again(); };
    const only = (/** @type {Api.Cause | null} */ one) => { cause = one; offset = 0; isOpen = true; void again(); };
    button(root, "previous").addEventListener("click", () => move(-LIMIT));
    button(root, "next").addEventListener("click", () => move(LIMIT));
    every.addEventListener("click", () => {
        isOpen = Boolean(cause) || !isOpen;
        cause = null;
        offset = 0;
        void look().catch(() => {});
    });
    const [causes] = await Promise.all([
        /** @type {Promise<Api.Causes>} */ (json("GET", `/users/import/${one.id}/causes`, { signal: place.signal })), look(),
    ]);
    const table = clone("causes");
    piece(table, "rows").append(...causes.items.map(cause => causeRow(cause, () => only(cause))));
    piece(root, "causes-list").replaceChildren(table);
    section.hidden = false;
    fill(root, { "lines-of": !parent || isCheck(parent) ? "" : "(lines of the corrected rows, not of the first file)" });
    piece(root, "causes").hidden = !causes.items.length;
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
        line: error.lastLine ? `${number(error.line)} to ${number(error.lastLine)}` : number(error.line),
        column: visible(error.column ?? ""),
        value: visible(error.value ?? ""),
        sign: isWarning ? "△ Warning:" : "▲",
        message: visible(error.message),
        suggestion: error.suggestion ? `Most likely meant: ${visible(error.suggestion)}` : "",
    });
    sign.classList.add(isWarning ? "warn" : "bad");
    return row;
}
