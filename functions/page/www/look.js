// How the service would read a file, from its first bytes: shown in one line if there is nothing to decide, and else
// with everything that can be decided.

import { json } from "./api.js";
import { SHEET_ROW } from "./csv.js";
import { button, choices, clone, fill, part, piece } from "./dom.js";
import { latest } from "./users.js";
import { COLUMNS, memberName, number, plural, visible } from "./words.js";

/** As many bytes as the service looks at. */
const HEAD = 256 * 1024;

/** @type {[string, string][]} */
const DELIMITERS = [["", "found by itself"], ["comma", "comma"], ["semicolon", "semicolon"], ["tab", "tab"], ["pipe", "pipe |"]];

/** Lines that differ between the encodings. */
const SAMPLES = 2;

/** The countries of the world (ISO 3166-1). Their names come from the browser. */
const COUNTRIES = "AD AE AF AG AI AL AM AO AR AS AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI "
    + "CK CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FM FO FR GA GB GD GE GF GG GH GI GL GM GN GQ GR GT GU "
    + "GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY "
    + "MA MC MD ME MG MH MK ML MM MN MO MP MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PR PS PT "
    + "PW PY QA RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US "
    + "UY UZ VA VC VE VG VI VN VU WS XK YE ZA ZM ZW";

/** The countries by name. @returns {[string, string][]} */
export function countries() {
    const names = new Intl.DisplayNames("en", { type: "region" });
    const all = COUNTRIES.split(" ").map(code => /** @type {[string, string]} */ ([code, names.of(code) ?? code]));
    return all.sort(([, one], [, other]) => one.localeCompare(other, "en"));
}

/** @param {string} sign */
export const delimiterName = sign => ({ ",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe" })[sign] ?? sign;

export class Look {
    /**
     * @param {HTMLElement} root
     * @param {File} file
     * @param {() => Record<string, string>} options what was chosen besides how to read it
     * @param {AbortSignal} signal
     * @param {(ready: boolean) => void} ready called with whether the file can be checked as it is read now
     */
    constructor(root, file, options, signal, ready) {
        this.root = root;
        this.file = file;
        this.given = options;
        this.signal = signal;
        this.ready = ready;
        /** What a person decided. @type {Record<string, string>} */
        this.chosen = {};
        /** What a column means, by position, where a person decided it. @type {Record<string, string | null>} */
        this.columns = {};
        this.isOpen = false;
        this.refresh = latest(() => this.look());
        button(root, "change").addEventListener("click", () => this.toggle(!this.isOpen));
        const delimiter = part(root, "delimiter", HTMLSelectElement);
        choices(delimiter, DELIMITERS);
        const country = part(root, "country", HTMLSelectElement);
        choices(country, [["", "none: such numbers are errors"], ...countries()]);
        country.addEventListener("change", () => this.choose("country", country.value));
        delimiter.addEventListener("change", () => this.choose("delimiter", delimiter.value));
    }

    /** The options by which the file is read as it is shown. @returns {Record<string, string>} */
    options() {
        const all = { ...this.chosen };
        if (Object.keys(this.columns).length) all.columns = JSON.stringify(this.columns);
        return all;
    }

    /** @param {string} name @param {string} value */
    choose(name, value) {
        if (value) this.chosen[name] = value;
        else delete this.chosen[name];
        void this.refresh();
    }

    /** @param {boolean} open */
    toggle(open) {
        this.isOpen = open;
        piece(this.root, "decide").hidden = !open;
        const change = button(this.root, "change");
        change.setAttribute("aria-expanded", String(open));
        change.textContent = open ? "Close" : "Change";
    }

    async look() {
        const form = new FormData();
        // Unknown columns are decided here, before the file is sent.
        const options = { ...this.given(), ...this.options(), unknownColumns: "ignore" };
        for (const [name, value] of Object.entries(options)) form.set(name, value);
        form.set("file", this.file.slice(0, HEAD), this.file.name);
        try {
            /** @type {Api.Preview} */
            const preview = await json("POST", "/users/import/preview", { form, signal: this.signal });
            this.draw(preview);
        } catch (error) {
            if (this.signal.aborted) return;
            fill(this.root, { problems: error instanceof Error ? error.message : String(error) });
            this.ready(false);
        }
    }

    /** @param {Api.Preview} preview */
    draw(preview) {
        const { root } = this, { read, encodings } = preview;
        const columns = preview.columns.filter(column => column.header !== SHEET_ROW);
        const hasAddresses = !columns.length || columns.some(column => column.member === "email");
        // What the service says of a missing column is for those who write requests. Here it is chosen.
        const problems = preview.problems.filter(problem => hasAddresses || !/^no column is named "email"/.test(problem));
        if (!hasAddresses) problems.unshift("No column is known to have the addresses. Choose below which one has them: Email address.");
        const [likeliest] = encodings;
        if (read && likeliest && !encodings.some(one => one.encoding === read.encoding) && !this.chosen.encoding) {
            // It is in another encoding. The likeliest is taken, and shown beside the others for a person to decide.
            this.toggle(true);
            this.choose("encoding", likeliest.encoding);
        }
        const unknown = columns.filter(column => this.isUnknown(column)), out = columns.filter(column => column.member === null).length;
        const known = unknown.length ? `${number(unknown.length)} unknown` : out ? `${number(out)} left out` : "all known";
        const parts = read
            ? [read.encoding, delimiterName(read.delimiter), plural(columns.length, "column"), known] : ["It cannot be read as CSV"];
        fill(root, { summary: `${parts.join(", ")}.`, problems: problems.join("\n") });
        const [are, them] = unknown.length === 1 ? ["is", "it"] : ["are", "them"];
        fill(root, {
            unknown: `${plural(unknown.length, "column")} ${are} unknown: ${unknown.map(headerOf).join(", ")}. Choose below, or leave ${them} out.`,
            "leave-out": `Leave ${them} out`,
        });
        piece(root, "unknown-row").hidden = !unknown.length;
        button(root, "leave-out").onclick = () => {
            for (const column of unknown) this.columns[`#${column.position}`] = null;
            void this.refresh();
        };
        if (read && (unknown.length || problems.length) && !this.isOpen) this.toggle(true);
        // Of a file that is no table, there is nothing to decide.
        if (!read && this.isOpen) this.toggle(false);
        button(root, "change").hidden = !read;
        this.drawEncodings(encodings, read?.encoding ?? "");
        piece(root, "country-field").hidden = !columns.some(column => column.member === "mobileNumber");
        this.drawColumns(columns);
        this.ready(!problems.length && !unknown.length);
    }

    /** @param {Api.PreviewColumn} column */
    isUnknown(column) {
        return column.member === null && !(column.header ?? "").startsWith("_")
            && !(`#${column.position}` in this.columns) && (column.header !== "" || column.values.length > 0);
    }

    /** @param {Api.PreviewEncoding[]} encodings @param {string} taken */
    drawEncodings(encodings, taken) {
        const field = piece(this.root, "encodings"), list = piece(this.root, "encoding-list");
        // Of those that read this file alike, the likeliest stands for all.
        const texts = encodings.map(({ lines }) => lines.map(line => line.text).join("\n"));
        const different = encodings.filter(({ encoding }, place) => encoding === taken
            || texts.indexOf(texts[place]) === place && texts[place] !== texts[encodings.findIndex(one => one.encoding === taken)]);
        field.hidden = different.length < 2;
        const focused = list.contains(document.activeElement);
        list.replaceChildren(...different.map(({ encoding, lines }) => {
            const made = clone("encoding"), input = /** @type {HTMLInputElement} */ (made.querySelector("input"));
            input.value = encoding;
            input.checked = encoding === taken;
            input.addEventListener("change", () => this.choose("encoding", encoding));
            fill(made, { name: encoding });
            piece(made, "lines").replaceChildren(...lines.slice(0, SAMPLES).map(line => {
                const sample = clone("sample");
                sample.textContent = visible(line.text);
                return sample;
            }));
            return made;
        }));
        if (focused) /** @type {HTMLElement | null} */ (list.querySelector(":checked"))?.focus();
    }

    /** @param {Api.PreviewColumn[]} columns */
    drawColumns(columns) {
        const body = piece(this.root, "columns"), focused = document.activeElement?.getAttribute("name") ?? "";
        body.replaceChildren(...columns.map(column => {
            const row = clone("column"), select = part(row, "member", HTMLSelectElement), position = `#${column.position}`;
            const header = headerOf(column);
            fill(row, { header, values: [...new Set(column.values)].map(visible).join(" · ") });
            const { nearest } = column;
            /** @type {[string, string][]} */
            const options = COLUMNS.map(member => [member, memberName(member) + (member === nearest ? " (perhaps)" : "")]);
            choices(select, [["", "Leave it out"], ...options]);
            if (this.isUnknown(column)) select.prepend(...unknown());
            select.value = this.isUnknown(column) ? "?" : column.member ?? "";
            select.name = position;
            select.setAttribute("aria-label", `What ${header} means`);
            piece(row, "sign").textContent = this.isUnknown(column) ? "▲ unknown" : "";
            select.addEventListener("change", () => this.mean(position, select.value || null));
            return row;
        }));
        if (focused.startsWith("#")) /** @type {HTMLElement | null} */ (body.querySelector(`[name="${focused}"]`))?.focus();
    }

    /** Says what a column means. Another that meant the same means nothing from then on. @param {string} position @param {string | null} member */
    mean(position, member) {
        for (const select of piece(this.root, "columns").querySelectorAll("select")) {
            if (member && select.value === member && select.name !== position) this.columns[select.name] = null;
        }
        this.columns[position] = member;
        void this.refresh();
    }
}

/** What a column is called. @param {Api.PreviewColumn} column */
const headerOf = ({ header, position }) => header === null ? `Column ${position}` : visible(header) || "(no name)";

/** The choice that stands for none yet. */
function unknown() {
    const option = /** @type {HTMLOptionElement} */ (clone("option"));
    option.value = "?";
    option.textContent = "Choose what it means";
    option.disabled = true;
    return [option];
}
