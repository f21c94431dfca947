// A file comes in: what to do with it, and its check.

import { ask, json, Problem, send } from "./api.js";
import { button, choices, clone, fill, given, part, piece, say } from "./dom.js";
import { guard } from "./main.js";
import { held } from "./session.js";
import { plural, ROLES, size } from "./words.js";

/** Above this, a file goes straight to storage: base64 makes it a third larger, and Lambda takes 6 MB. */
const LARGE = 4 * 1024 * 1024;
/** As the service has it. */
const LARGEST = 1024 * 1024 * 1024;

/**
 * A sheet of a workbook: what it came from, and which of its sheets is taken.
 * @typedef {{ name: string, book: import("./sheet.js").Book, sheet: number }} FromBook
 *
 * A file on its way in. It is held by the tab only: nothing of it is stored in the browser.
 * @typedef {object} Incoming
 * @property {File} file
 * @property {Record<string, string>} options the parts of the form besides the file
 * @property {FromBook} [from] the workbook that it was made from
 */

/** @type {Incoming | null} */
let incoming = null;
/** Why the file cannot be sent; empty if it can. */
let refusal = "";

/** Makes CSV of a sheet, if the file is a workbook. @param {Incoming} one @param {number} [sheet] */
async function convert(one, sheet = 0) {
    let { from } = one;
    if (!from) {
        const { isWorkbook, open } = await import("./sheet.js");
        if (!await isWorkbook(one.file)) return;
        from = { name: one.file.name, book: await open(one.file), sheet };
    }
    const text = await from.book.csv(sheet), name = from.name.replace(/\.xls[xm]$/i, "");
    one.from = { ...from, sheet };
    one.file = new File([text], `${name}.csv`, { type: "text/csv" });
}

/** Takes `file` in and shows what can be done with it. @param {File} file */
export async function take(file) {
    incoming = { file, options: {} };
    refusal = whyNot(file);
    try {
        if (!refusal) await convert(incoming);
    } catch (error) {
        refusal = error instanceof Error ? error.message : String(error);
    }
    if (location.hash === "#/imports/new") dispatchEvent(new CustomEvent("taken"));
    else location.hash = "#/imports/new";
}

/**
 * Sends a file, and returns the import that was opened for it.
 * @param {Incoming} sent
 * @param {Record<string, string>} more options in place of those that the file came with
 * @param {HTMLElement} place where the progress of the upload is shown
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the id of the import
 */
export async function start(sent, more, place, signal) {
    const options = { ...sent.options, ...more };
    const bar = clone("progress"), progress = part(bar, "bar", HTMLProgressElement);
    place.replaceChildren(bar);
    /** @param {number} share */
    const moved = share => {
        progress.value = share * 100;
        fill(bar, { text: `${size(sent.file.size * share)} of ${size(sent.file.size)} sent` });
    };
    moved(0);
    try {
        return sent.file.size > LARGE
            ? await toStorage(sent, options, moved, signal)
            : await toService(sent, options, moved, signal);
    } finally {
        place.replaceChildren();
    }
}

/**
 * @param {Incoming} sent
 * @param {Record<string, string>} options
 * @param {(share: number) => void} moved
 * @param {AbortSignal} signal
 */
async function toService(sent, options, moved, signal) {
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) form.set(name, value);
    form.set("file", sent.file, sent.file.name);
    const headers = { Authorization: `Bearer ${held()}`, Prefer: "respond-async" };
    const answer = await send("POST", "/api/v1/users/import", form, headers, moved, signal);
    const body = parsed(answer.text);
    if (answer.status >= 400 && !body.importId) throw new Problem(answer.status, body);
    return /** @type {string} */ (body.importId ?? body.id);
}

/**
 * @param {Incoming} sent
 * @param {Record<string, string>} options
 * @param {(share: number) => void} moved
 * @param {AbortSignal} signal
 */
async function toStorage(sent, options, moved, signal) {
    const { force, ignoreDuplicates, dryRun, columns, ...rest } = options;
    /** @type {Api.ImportUpload} */
    const opened = await json("POST", "/users/import/uploads", {
        json: {
            ...rest, ...columns ? { columns: JSON.parse(columns) } : {}, ignoreDuplicates: ignoreDuplicates === "true", dryRun: dryRun === "true", fileName: sent.file.name, bytes: sent.file.size,
        },
        signal,
    });
    const { method, url, contentType } = opened.upload;
    const answer = await send(method, url, sent.file, { "Content-Type": contentType }, moved, signal);
    if (answer.status >= 300) {
        throw new Problem(answer.status, { detail: `The storage did not take the file (${answer.status}). Try again.` });
    }
    return opened.id;
}

/** @param {string} text */
function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return {};
    }
}

/** @param {import("./main.js").Place} place */
export async function show(place) {
    if (!incoming) {
        location.hash = "#/imports";
        return;
    }
    const { file } = incoming, root = clone("new"), form = part(root, "form", HTMLFormElement);
    const { from } = incoming;
    fill(root, { title: from?.name ?? file.name, about: size(file.size) });
    if (from && from.book.names.length > 1) {
        const field = piece(root, "sheet-field"), select = part(root, "sheet", HTMLSelectElement);
        field.hidden = false;
        choices(select, from.book.names.map((name, number) => [String(number), name]));
        select.value = String(from.sheet);
        select.addEventListener("change", () => {
            if (!incoming) return;
            convert(incoming, Number(select.value)).then(() => show(place), error => { fault.textContent = error.message; });
        });
    }
    place.title(file.name);
    choices(part(root, "role", HTMLSelectElement), ROLES.filter(([role]) => assignable(role, place.me)));
    part(root, "role", HTMLSelectElement).value = "ROLE_COLLABORATOR";
    place.put(root);
    addEventListener("taken", () => void show(place), { once: true, signal: place.signal });
    const fault = piece(root, "fault"), go = button(root, "go");
    fault.textContent = refusal;
    go.disabled = true;
    const options = () => {
        const mode = given(form, "mode"), isRoster = mode === "upsert" && given(form, "missing") !== "ignore";
        return {
            mode: mode === "upsert" ? "upsert" : "create", ignoreDuplicates: String(mode === "skip"), defaultRoles: given(form, "role"),
            ...isRoster ? { missing: given(form, "missing"), missingLimit: given(form, "missingLimit") } : {},
        };
    };
    const asked = () => {
        piece(root, "missing").hidden = given(form, "mode") !== "upsert";
        piece(root, "limit-field").hidden = given(form, "missing") !== "disable";
    };
    form.addEventListener("change", asked);
    asked();
    // Only who brings a file needs it.
    const { Look } = await import("./look.js");
    const look = new Look(piece(root, "look"), file, options, place.signal, ready => {
        go.disabled = !ready;
        fill(root, { hint: ready ? "The check writes nothing." : "What is said above has to be decided first, or another file chosen." });
    });
    piece(root, "look").hidden = refusal !== "";
    if (!refusal) void look.refresh();
    form.addEventListener("submit", async event => {
        event.preventDefault();
        if (!incoming) return;
        incoming.options = { ...options(), ...look.options() };
        fault.textContent = "";
        go.disabled = true;
        try {
            const check = await start(incoming, { dryRun: "true", force: "true" }, piece(root, "upload"), place.signal);
            guard(() => false);
            location.hash = `#/imports/${check}`;
        } catch (error) {
            if (place.signal.aborted) return;
            fault.textContent = error instanceof Error ? error.message : String(error);
            say(fault.textContent);
            go.disabled = false;
        }
    });
}

/**
 * Whether a file may give `role` to new accounts, and `me` may give it.
 * @param {string} role
 * @param {Api.User} me
 */
function assignable(role, me) {
    if (role === "ROLE_ADHOC_COLLABORATOR") return false;
    return !role.endsWith("_ADMIN") || me.roles.includes("ROLE_SYSTEM_ADMIN");
}

/** Why a file cannot be sent; empty if it can. @param {File} file */
function whyNot(file) {
    if (file.size === 0) return "The file is empty. Choose another one.";
    if (file.size > LARGEST) return "The file has more than 1 GiB. Divide it into several files.";
    if (/\.xls$/i.test(file.name)) return "This is the format of Excel before 2007. Save it as CSV or .xlsx and choose that file.";
    return "";
}

/** Saves the template on the person's machine. */
export async function template() {
    const answer = await ask("GET", "/users/import/template", { headers: { Accept: "text/csv" } });
    save(await answer.blob(), "people.csv");
}

/**
 * Saves `blob` on the person's machine.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(`${name} is saved, ${plural(blob.size, "byte")}`);
}
