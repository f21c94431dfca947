// The imports, and the field that takes a new file.

import { json, pause, Problem } from "./api.js";
import { button, clone, empty, fill, part, piece, say, share, time } from "./dom.js";
import { take, template } from "./intake.js";
import { left, number, plural, when } from "./words.js";

/** Imports on a page: what a screen shows. Each takes more than 1 KB to fetch. */
const LIMIT = 10;
/** Between two looks at imports that are under way, and at a list that is at rest, in milliseconds. */
const SOON = 1000, LATER = 15_000;

/** Who sent an import, by id. @type {Map<string, Promise<string>>} */
const senders = new Map();

/** @param {string | null} id */
export function sender(id) {
    if (id === null) return Promise.resolve("dropped file");
    let name = senders.get(id);
    if (!name) {
        const unknown = (/** @type {unknown} */ error) => {
            if (!(error instanceof Problem)) throw error;
            return error.status === 404 ? "a deleted account" : "an administrator";
        };
        name = json("GET", `/users/${id}`).then(user => /** @type {Api.User} */ (user).email, unknown);
        senders.set(id, name);
    }
    return name;
}

/** Whether an import will change no more by itself. @param {Api.Import} one */
export const isFinal = one => ["completed", "failed", "cancelled"].includes(one.status);

/** Whether an import only checks. @param {Api.Import} one */
export const isCheck = one => one.dryRun;

/** Whether an import takes another one back. @param {Api.Import} one */
export const isUndo = one => one.mode === "undo";

/** What an import is called. @param {Api.Import} one */
export const fileName = one => one.fileName ?? one.key.split("/").pop() ?? "Import";

/**
 * The state of an import in a word, with its look.
 * @param {Api.Import} one
 * @param {Api.Import[]} [children] the imports that went on with it
 * @returns {[string, string]}
 */
export function state(one, children = []) {
    const { counts, progress, status } = one;
    switch (status) {
        case "waiting": return ["run", "◌ Waiting for its file"];
        case "queued": return ["run", "◌ Starts soon"];
        case "running": return ["run", progress.percent === null ? "◔ Running" : `◔ Running, ${progress.percent} %`];
        case "stalled": return ["warn", "▲ Stands still"];
        case "cancelled": return ["off", "◼ Cancelled"];
        case "failed": return ["bad", "▲ File refused"];
        default: break;
    }
    if (children.some(isUndo)) return ["off", "↩ Taken back"];
    if (isUndo(one)) return counts.failed ? ["warn", `▲ ${plural(counts.failed, "account")} kept`] : ["good", "✓ Done"];
    if (children.length) return ["off", isCheck(one) ? "✓ Checked, then imported" : `↪ ${plural(counts.failed, "row")} went on`];
    if (counts.failed) return ["warn", `▲ ${plural(counts.failed, "row")} to correct`];
    return ["good", isCheck(one) ? "✓ Checked, no errors" : "✓ Done"];
}

/** What became of rows, in words. @type {Record<string, string>} */
const IMPORTED = { created: "created", updated: "updated", unchanged: "unchanged", skipped: "skipped", failed: "failed", disabled: "disabled" };
/** @type {Record<string, string>} */
const CHECKED = { created: "to create", updated: "to update", unchanged: "unchanged", skipped: "to skip", failed: "to correct", disabled: "to disable" };
/** @type {Record<string, string>} */
const UNDONE = { deleted: "deleted", updated: "given back", unchanged: "as before", skipped: "skipped", failed: "kept" };

/** The counts of an import in words. @param {Api.Import} one */
export function counted(one) {
    const names = Object.entries(isUndo(one) ? UNDONE : isCheck(one) ? CHECKED : IMPORTED);
    const counts = /** @type {Record<string, number>} */ (/** @type {unknown} */ (one.counts));
    const parts = names.flatMap(([name, words]) => counts[name] ? [`${number(counts[name])} ${words}`] : []);
    return parts.join(", ") || (isFinal(one) ? "no rows" : "");
}

/** The bar of an import's counts. @param {Api.Import} one */
export function bar(one) {
    const { created, updated, unchanged, deleted, skipped, failed, rows } = one.counts;
    const part = (one.progress.percent ?? 100) / 100;
    const whole = isFinal(one) || !part ? rows : rows / part;
    return share([["g", created + deleted], ["u", updated], ["s", skipped + unchanged], ["b", failed]], whole, counted(one) || "no rows yet");
}

/** How fast an import is. @param {Api.Import} one */
export function pace(one) {
    const { rowsPerSecond, secondsLeft } = one.progress;
    const parts = [];
    if (rowsPerSecond) parts.push(`${plural(rowsPerSecond, "row")} a second`);
    if (secondsLeft !== null && secondsLeft !== undefined) parts.push(left(secondsLeft));
    return parts.join(" · ");
}

/** @param {Api.Import} one */
const options = one => [
    isUndo(one) ? "take back" : isCheck(one) ? "check only" : one.mode === "upsert" ? "create or update" : "create",
    one.ignoreDuplicates ? "skip existing" : "", one.via === "drop" ? "dropped" : "",
].filter(Boolean).join(" · ");

/** @param {Api.Import} one @param {Api.Import[]} children @param {() => void} changed */
function row(one, children, changed) {
    const made = clone("import-row"), link = part(made, "file", HTMLAnchorElement);
    link.href = `#/imports/${one.id}`;
    link.textContent = fileName(one);
    const [look, word] = state(one, children);
    fill(made, { options: options(one), state: word, rows: number(one.counts.rows) });
    piece(made, "state").classList.add(look);
    if (one.counts.rows) piece(made, "share").append(bar(one));
    fill(made, { counts: (!isFinal(one) && pace(one)) || (one.status === "failed" ? one.message : counted(one)) });
    time(made, "when", when(one.createdAt), one.createdAt);
    sender(one.createdBy).then(name => fill(made, { by: name }), () => fill(made, { by: "unknown" }));
    const act = button(made, "act");
    const [word2, method, path] = one.status === "stalled" ? ["Resume", "POST", "/resume"] : ["Cancel", "DELETE", ""];
    act.hidden = isFinal(one);
    act.textContent = word2;
    act.setAttribute("aria-label", `${word2} ${link.textContent}`);
    act.addEventListener("click", async () => {
        act.disabled = true;
        await json(method, `/users/import/${one.id}${path}`, method === "POST" ? { json: {} } : {}).catch(error => say(error.message));
        changed();
    });
    return made;
}

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const root = clone("home"), list = piece(root, "list"), file = part(root, "file", HTMLInputElement);
    button(root, "choose").addEventListener("click", () => file.click());
    button(root, "template").addEventListener("click", () => void template());
    file.addEventListener("change", () => { if (file.files?.[0]) void take(file.files[0]); });
    place.title("Imports");

    let offset = 0, wake = () => {};
    const again = () => wake();
    const move = (/** @type {number} */ by) => { offset = Math.max(0, offset + by); again(); };
    button(root, "previous").addEventListener("click", () => move(-LIMIT));
    button(root, "next").addEventListener("click", () => move(LIMIT));

    const look = async () => {
        /** @type {Api.ImportPage} */
        const page = await json("GET", "/users/import", { query: { limit: LIMIT, offset }, signal: place.signal });
        draw(root, list, page, again);
        return page.items.every(isFinal) ? LATER : SOON;
    };
    let wait = await look();
    place.put(root);
    void (async () => {
        for (;;) {
            const timer = pause(wait, place.signal);
            await Promise.race([timer, new Promise(resolve => { wake = () => resolve(null); })]);
            if (document.hidden) continue;
            wait = await look().catch(error => {
                if (place.signal.aborted) throw error;
                return LATER;
            });
        }
    })().catch(() => {});
}

let drawn = "";

/**
 * @param {HTMLElement} root
 * @param {HTMLElement} list
 * @param {Api.ImportPage} page
 * @param {() => void} again
 */
function draw(root, list, page, again) {
    const pager = piece(root, "pager"), last = page.offset + page.items.length;
    pager.hidden = page.count <= LIMIT;
    fill(root, { range: `${number(page.offset + 1)} to ${number(last)} of ${number(page.count)}` });
    button(root, "previous").disabled = page.offset === 0;
    button(root, "next").disabled = last >= page.count;
    // A list that is as it was is left alone, so that nothing jumps under a finger or loses its focus.
    const content = JSON.stringify(page);
    if (content === drawn && list.firstChild) return;
    drawn = content;
    const focused = document.activeElement?.closest("tr") && document.activeElement.textContent;
    if (!page.items.length) {
        list.replaceChildren(empty("Nothing has been imported yet."));
        return;
    }
    const table = clone("imports");
    piece(table, "rows").append(...page.items.map(one => row(one, page.items.filter(other => other.parent === one.id), again)));
    list.replaceChildren(table);
    if (focused) {
        for (const one of table.querySelectorAll("a, button")) {
            if (one.textContent === focused) { /** @type {HTMLElement} */ (one).focus(); break; }
        }
    }
}
