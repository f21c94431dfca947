// Spreadsheets in the browser: an .xlsx is a zip of XML, which browsers read by themselves. What comes out is CSV, and
// the service reads that as it reads any other file, so nothing is decided here about what a cell means.

import { Problem } from "./api.js";
import { quoted, SHEET_ROW } from "./csv.js";

/** To how much a part of the workbook may unfold: a browser's tab has room for it, and a zip can unfold to anything. */
const LARGEST = 64 * 1024 * 1024;
/** Signatures of a zip: the end of its directory, an entry of its directory. */
const END = 0x06054b50, ENTRY = 0x02014b50;
/** The formats of numbers that are dates by themselves (ECMA-376, 18.8.30). */
const DATES = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 27, 30, 36, 45, 46, 47, 50, 57]);

/** The one policy of the page: its text goes only to a parser of XML, which runs nothing. */
const policy = /** @type {Factory} */ (/** @type {unknown} */ (globalThis)).trustedTypes?.createPolicy("sheet", {
    createHTML: text => text,
});

/** @typedef {{ createHTML: (text: string) => string }} Policy */
/** @typedef {{ trustedTypes?: { createPolicy: (name: string, rules: Policy) => Policy } }} Factory */

/** @typedef {{ names: string[], csv: (sheet: number) => Promise<string> }} Book */
/** @typedef {{ method: number, packed: number, at: number }} Entry */

/** Whether `file` is a workbook, by its first bytes. @param {Blob} file */
export async function isWorkbook(file) {
    const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
}

/**
 * Opens a workbook.
 * @param {Blob} file
 * @returns {Promise<Book>}
 */
export async function open(file) {
    if (file.size > LARGEST) throw tooLarge();
    const bytes = new DataView(await file.arrayBuffer()), entries = directory(bytes);
    /** @param {string} name */
    const xml = async name => {
        const entry = entries.get(name);
        return entry ? parse(await unpack(bytes, entry)) : null;
    };
    const workbook = await xml("xl/workbook.xml"), relations = await xml("xl/_rels/workbook.xml.rels");
    if (!workbook || !relations) throw refused("It is not an Excel workbook.");
    const targets = new Map(all(relations, "Relationship").map(one => [one.getAttribute("Id"), one.getAttribute("Target") ?? ""]));
    const sheets = all(workbook, "sheet").map(sheet => ({
        name: sheet.getAttribute("name") ?? "",
        target: targets.get(sheet.getAttribute("r:id")) ?? "",
    })).filter(sheet => sheet.target.includes("worksheets/"));
    const since1904 = all(workbook, "workbookPr").some(one => ["1", "true"].includes(one.getAttribute("date1904") ?? ""));
    const strings = await xml("xl/sharedStrings.xml"), styles = await xml("xl/styles.xml");
    const shared = strings ? all(strings, "si").map(textOf) : [], dates = styles ? dateStyles(styles) : [];
    return {
        names: sheets.map(sheet => sheet.name),
        csv: async number => {
            const sheet = sheets[number];
            const document = sheet && await xml(sheet.target.startsWith("/") ? sheet.target.slice(1) : `xl/${sheet.target}`);
            if (!document) throw refused("The sheet is missing in it.");
            return toCsv(document, { shared, dates, since1904 });
        },
    };
}

/** @param {string} why */
const refused = why => new Problem(0, { detail: `The spreadsheet cannot be read. ${why} Save it as CSV (in Excel: Save as, CSV UTF-8) and choose that file.` });
const tooLarge = () => refused("It has more than 64 MB.");

/** Reads the directory of a zip. @param {DataView} bytes */
function directory(bytes) {
    /** @type {Map<string, Entry>} */
    const entries = new Map();
    let end = bytes.byteLength - 22;
    while (end >= 0 && bytes.getUint32(end, true) !== END) end -= 1;
    if (end < 0) throw refused("Its end is missing.");
    let at = bytes.getUint32(end + 16, true);
    for (let left = bytes.getUint16(end + 10, true); left > 0; left -= 1) {
        if (at + 46 > bytes.byteLength || bytes.getUint32(at, true) !== ENTRY) throw refused("It is damaged.");
        const [name, extra, comment] = [28, 30, 32].map(place => bytes.getUint16(at + place, true));
        if (bytes.getUint16(at + 8, true) & 1) throw refused("It is protected by a password.");
        entries.set(new TextDecoder().decode(new Uint8Array(bytes.buffer, at + 46, name)), {
            method: bytes.getUint16(at + 10, true), packed: bytes.getUint32(at + 20, true), at: bytes.getUint32(at + 42, true),
        });
        at += 46 + name + extra + comment;
    }
    return entries;
}

/** @param {DataView} bytes @param {Entry} entry */
async function unpack(bytes, { method, packed, at }) {
    if (at + 30 > bytes.byteLength) throw refused("It is damaged.");
    const from = at + 30 + bytes.getUint16(at + 26, true) + bytes.getUint16(at + 28, true);
    if (from + packed > bytes.byteLength) throw refused("It is damaged.");
    const stored = new Blob([new Uint8Array(/** @type {ArrayBuffer} */ (bytes.buffer), from, packed)]);
    if (method === 0) return stored.text();
    if (method !== 8) throw refused("It is packed in an unknown way.");
    const reader = stored.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const decoder = new TextDecoder();
    let text = "", size = 0;
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return text + decoder.decode();
            size += value.length;
            if (size > LARGEST) {
                await reader.cancel();
                throw tooLarge();
            }
            text += decoder.decode(value, { stream: true });
        }
    } catch (error) {
        throw error instanceof Problem ? error : refused("It is damaged.");
    }
}

/** @param {string} text */
function parse(text) {
    // No workbook has one; its entities could unfold without end.
    if (text.includes("<!DOCTYPE")) throw refused("It has a document type.");
    const trusted = /** @type {string} */ (/** @type {unknown} */ (policy ? policy.createHTML(text) : text));
    const document = new DOMParser().parseFromString(trusted, "application/xml");
    if (document.querySelector("parsererror")) throw refused("It is damaged.");
    return document;
}

/** @param {ParentNode & { getElementsByTagNameNS: Document["getElementsByTagNameNS"] }} root @param {string} name */
const all = (root, name) => [...root.getElementsByTagNameNS("*", name)];

/** The text of a shared or an inline string, without its phonetic hints. @param {Element} element */
const textOf = element => all(element, "t").filter(one => one.parentElement?.localName !== "rPh").map(one => one.textContent ?? "").join("");

/** For each style of a cell whether it shows a date. @param {Document} styles */
function dateStyles(styles) {
    const own = new Map(all(styles, "numFmt").map(one => {
        const code = (one.getAttribute("formatCode") ?? "").replace(/"[^"]*"|\[[^\]]*\]|\\./g, "");
        return [Number(one.getAttribute("numFmtId")), /[dmyhs]/i.test(code) && !/general|[0#?]/i.test(code)];
    }));
    const cells = all(styles, "cellXfs")[0];
    return cells ? all(cells, "xf").map(one => {
        const format = Number(one.getAttribute("numFmtId"));
        return own.get(format) ?? DATES.has(format);
    }) : [];
}

/** @typedef {{ shared: string[], dates: boolean[], since1904: boolean }} Context */

/** @param {Document} sheet @param {Context} context */
function toCsv(sheet, context) {
    /** @type {[number, string[]][]} */
    const rows = [];
    let width = 0, number = 0;
    for (const row of all(sheet, "row")) {
        number = Number(row.getAttribute("r")) || number + 1;
        /** @type {string[]} */
        const cells = [];
        for (const cell of all(row, "c")) {
            const place = column(cell.getAttribute("r") ?? "") ?? cells.length;
            while (cells.length < place) cells.push("");
            cells[place] = value(cell, context);
        }
        if (cells.some(cell => cell.trim())) rows.push([number, cells]);
        width = Math.max(width, cells.length);
    }
    const lines = rows.map(([number, cells], place) => {
        const filled = Array.from({ length: width }, (_, at) => cells[at] ?? "");
        // The row of the sheet travels along in a column that the service leaves out.
        return [...filled, place === 0 ? SHEET_ROW : String(number)].map(quoted).join(",");
    });
    return lines.map(line => `${line}\r\n`).join("");
}

/** The place of the column in a reference such as `AB12`, from 0. @param {string} reference */
function column(reference) {
    const letters = /^[A-Z]{1,3}/.exec(reference)?.[0];
    return letters ? [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1 : null;
}

/** The text of a cell. @param {Element} cell @param {Context} context */
function value(cell, { shared, dates, since1904 }) {
    const kind = cell.getAttribute("t") ?? "n", text = all(cell, "v")[0]?.textContent ?? "";
    switch (kind) {
        case "s": return shared[Number(text)] ?? "";
        case "inlineStr": return textOf(cell);
        case "b": return text === "1" ? "true" : "false";
        case "n": break;
        default: return text;
    }
    const number = Number(text);
    if (text === "" || !Number.isFinite(number)) return text;
    if (dates[Number(cell.getAttribute("s") ?? -1)]) return date(number, since1904);
    // A telephone number in a cell of numbers, without an exponent.
    return Number.isInteger(number) && Math.abs(number) < 1e21 ? number.toFixed(0) : text;
}

/** A date of Excel: days since the end of 1899, or since 1904. @param {number} days @param {boolean} since1904 */
function date(days, since1904) {
    const start = since1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30);
    const iso = new Date(start + Math.round(days * 86_400_000));
    if (Number.isNaN(iso.getTime())) return String(days);
    return days % 1 ? iso.toISOString().slice(0, 19) : iso.toISOString().slice(0, 10);
}
