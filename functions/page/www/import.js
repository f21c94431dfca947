// One import: how far it is, what came of it, and what is wrong with its rows.

import { json, pause } from "./api.js";
import { changes, errors } from "./details.js";
import { confirmed } from "./dialog.js";
import { act, clone, fill, part, piece, say } from "./dom.js";
import { bar, counted, fileName, isCheck, isFinal, isUndo, pace, sender, state } from "./home.js";
import { save } from "./intake.js";
import { delimiterName } from "./look.js";
import { number, plural, roleName, size, when } from "./words.js";

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
    place.put(root);
    if (isFinal(one)) {
        await details();
        return;
    }
    follow().catch(error => {
        if (!place.signal.aborted) throw error;
    });

    async function details() {
        const lines = kin.parent && !isCheck(kin.parent) && !isUndo(one) ? "(lines of the corrected rows, not of the first file)" : "";
        fill(root, { "lines-of": lines });
        await Promise.all([errors(root, one, place.signal), changes(root, one, place.signal)]);
    }

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
        await details();
    }
}

/** What came of an import, in one sentence. @param {Api.Import} one @param {boolean} [wentOn] whether its rejected rows did */
function headline(one, wentOn = false) {
    const { rows, failed } = one.counts, done = rows - failed;
    if (one.status === "failed") return "The file was refused as a whole.";
    if (!isFinal(one)) return state(one)[1].replace(/^\S+ /, "");
    const cancelled = one.status === "cancelled" ? "Cancelled. " : "";
    if (!rows) return `${cancelled}The file has no rows.`;
    const counts = counted({ ...one, counts: { ...one.counts, failed: 0 } });
    if (isUndo(one)) {
        const kept = failed ? `. ${plural(failed, "account")} kept, because ${failed === 1 ? "it was" : "they were"} changed since` : "";
        return `${cancelled}Taken back: ${counts || "nothing"}${kept}.`;
    }
    if (isCheck(one)) {
        const need = `${number(failed)} need${failed === 1 ? "s" : ""} a correction.`;
        if (!failed) return `${cancelled}${rows === 1 ? "The 1 row is" : `All ${number(rows)} rows are`} ready.`;
        if (!done) return `${cancelled}No row is ready. ${need}`;
        return `${cancelled}${number(done)} of ${plural(rows, "row")} ${done === 1 ? "is" : "are"} ready. ${need}`;
    }
    if (!failed) return `${cancelled}Done: ${counts}.`;
    return `${cancelled}${counts || "No row imported"}. ${plural(failed, "row")} ${wentOn ? "went on to a correction" : "left to correct"}.`;
}

/**
 * @param {HTMLElement} root
 * @param {Api.Import} one
 * @param {import("./main.js").Place} place
 * @param {Kin} kin
 */
function draw(root, one, place, kin) {
    const title = headline(one, kin.children.some(other => !isUndo(other)));
    fill(root, { about: fileName(one), title, fault: one.status === "failed" ? one.message : "" });
    const share = piece(root, "share");
    share.replaceChildren(...one.counts.rows ? [bar(one)] : []);
    let message = "";
    if (isCheck(one)) {
        // The service counts who would become an administrator, or would no longer be one.
        message = `Nothing has been written. ${counted(one)}.${told(one, /admin role/)}`;
    }
    if (!isFinal(one)) message = [pace(one), counted(one), "You can close this tab; the import goes on."].filter(Boolean).join(" · ");
    else message += told(one, /(not in|missing from) the file/);
    if (isFinal(one) && one.counts.warnings) message += ` ${plural(one.counts.warnings, "row")} with a warning.`;
    fill(root, { message });
    family(root, one, kin);
    acts(root, one, place, kin);
    facts(root, one);
}

/** What the service says of `about`, in sentences. @param {Api.Import} one @param {RegExp} about */
function told(one, about) {
    const parts = one.message.split("; ").filter(part => about.test(part));
    return parts.map(part => ` ${part.replace(/\.$/, "").replace(/^./, letter => letter.toUpperCase())}.`).join("");
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
    /** @param {string} path */
    const goOn = async path => {
        try {
            /** @type {Api.Import} */
            const next = await json("POST", `/users/import/${one.id}${path}`, { json: {} });
            location.hash = `#/imports/${next.id}`;
        } catch (error) {
            fault.textContent = error instanceof Error ? error.message : String(error);
        }
    };
    const { created, updated, disabled, failed } = one.counts, buttons = [];
    if (one.status === "stalled") buttons.push(act("Resume", "main", () => void change("POST", "/resume")));
    if (!isFinal(one)) buttons.push(act("Cancel", "", () => void change("DELETE", "")));
    const wouldChange = isCheck(one) && one.status === "completed" && created + updated + disabled > 0;
    if (wouldChange) {
        const apply = act(applying(one), "main", () => {
            apply.disabled = true;
            void goOn("/apply").finally(() => { apply.disabled = false; });
        });
        buttons.push(apply);
    }
    if (isFinal(one) && failed && !isUndo(one)) {
        // Of a check that leaves something to import, the import rejects the same rows once more.
        if (!wouldChange && failed <= MOST) {
            const look = children.length ? "" : "main";
            buttons.push(act(`Correct ${plural(failed, "row")}`, look, () => { location.hash = `#/imports/${one.id}/correct`; }));
        }
        buttons.push(act(`Download the ${plural(failed, "row")} to correct`, "", () => void download(one, fault)));
    }
    if (isFinal(one) && !isCheck(one) && !isUndo(one) && created + updated + disabled && !children.some(isUndo)) {
        buttons.push(act("Take it back …", "", async () => {
            const sure = await confirmed({
                title: `Take back ${fileName(one)}?`, yes: "Take it back", danger: true,
                text: "Accounts that it created are deleted, accounts that it changed get their former values back, and accounts that it disabled are enabled again. "
                    + "An account that was changed since is kept as it is, and listed.",
            });
            if (sure) await goOn("/undo");
        }));
    }
    if (isFinal(one)) buttons.push(act("All imports", "", () => { location.hash = "#/imports"; }));
    row.replaceChildren(...buttons);
}

/** What carrying out a check will do. @param {Api.Import} check */
function applying({ counts: { created, updated, disabled, failed } }) {
    /** @type {[string, number][]} */
    const all = [["create", created], ["update", updated], ["disable", disabled]];
    const parts = all.filter(([, count]) => count).map(([verb, count], place) => `${verb} ${place ? number(count) : plural(count, "user")}`);
    const what = parts.join(", ").replace(/, ([^,]*)$/, " and $1").replace(/^./, letter => letter.toUpperCase());
    return what + (failed ? `, keep ${plural(failed, "row")} for correction` : "");
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
    /** @type {[Api.ImportPage, Api.Import | null]} */
    const [{ items }, parent] = await Promise.all([
        json("GET", "/users/import", { query: { parent: one.id, limit: 100 }, signal }),
        one.parent === null ? null : json("GET", `/users/import/${one.parent}`, { signal }).catch(() => null),
    ]);
    return { parent, children: items };
}

/** @param {HTMLElement} root @param {Api.Import} one @param {Kin} kin */
function family(root, one, { parent, children }) {
    /** @type {[string, Api.Import][]} */
    const all = children.map(other => [isUndo(other) ? "It was taken back:" : isCheck(one) ? "It was imported:" : "Its rows went on in", other]);
    if (parent) all.unshift([isUndo(one) ? "It takes back" : isCheck(parent) ? "It was checked before:" : "It has the rejected rows of", parent]);
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
        ["What it does", isUndo(one) ? "Takes an import back" : isCheck(one) ? "Checks only" : one.mode === "upsert" ? "Creates or updates" : "Creates"],
        ["Existing addresses", isUndo(one) ? "" : one.mode === "upsert" ? "are updated" : one.ignoreDuplicates ? "are skipped" : "are errors"],
        ["People who are not in the file", { ignore: "", report: "are listed", disable: `are disabled, up to ${one.missingLimit} %` }[one.missing]],
        ["Role of rows that name none", isUndo(one) ? "" : one.defaultRoles.map(roleName).join(", ")],
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
