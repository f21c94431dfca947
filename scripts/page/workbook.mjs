// A workbook as Excel writes it, for the checks: a zip of XML, by hand.

import { crc32, deflateRawSync } from "node:zlib";

const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/** The bytes of a workbook with these sheets, by name: rows of texts and numbers. */
export function workbook(sheets) {
    const names = Object.keys(sheets), texts = [...new Set(Object.values(sheets).flat(2).filter(cell => typeof cell === "string"))];
    const files = {
        "xl/workbook.xml": `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>${names.map((name, at) =>
            `<sheet name="${name}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`).join("")}</sheets></workbook>`,
        "xl/_rels/workbook.xml.rels": `<Relationships>${names.map((_, at) =>
            `<Relationship Id="rId${at + 1}" Type="${RELATIONS}/worksheet" Target="worksheets/sheet${at + 1}.xml"/>`).join("")}</Relationships>`,
        "xl/sharedStrings.xml": `<sst xmlns="${MAIN}">${texts.map(text => `<si><t>${text}</t></si>`).join("")}</sst>`,
    };
    names.forEach((name, at) => {
        const rows = sheets[name].map((cells, row) => `<row r="${row + 1}">${cells.map((cell, column) => {
            const place = `r="${String.fromCharCode(65 + column)}${row + 1}"`;
            return typeof cell === "string" ? `<c ${place} t="s"><v>${texts.indexOf(cell)}</v></c>` : `<c ${place}><v>${cell}</v></c>`;
        }).join("")}</row>`);
        files[`xl/worksheets/sheet${at + 1}.xml`] = `<worksheet xmlns="${MAIN}"><sheetData>${rows.join("")}</sheetData></worksheet>`;
    });
    return zip(files);
}

function zip(files) {
    const parts = [], directory = [];
    let at = 0;
    for (const [name, text] of Object.entries(files)) {
        const whole = Buffer.from(text), packed = deflateRawSync(whole), title = Buffer.from(name);
        const common = Buffer.alloc(26);
        common.writeUInt16LE(20, 0);
        common.writeUInt16LE(8, 4);
        common.writeUInt32LE(crc32(whole), 10);
        common.writeUInt32LE(packed.length, 14);
        common.writeUInt32LE(whole.length, 18);
        common.writeUInt16LE(title.length, 22);
        const entry = Buffer.alloc(46);
        entry.writeUInt32LE(0x02014b50, 0);
        entry.writeUInt16LE(20, 4);
        common.copy(entry, 6);
        entry.writeUInt32LE(at, 42);
        const part = Buffer.concat([Buffer.from("PK\x03\x04"), common, title, packed]);
        parts.push(part);
        directory.push(entry, title);
        at += part.length;
    }
    const list = Buffer.concat(directory), end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(Object.keys(files).length, 8);
    end.writeUInt16LE(Object.keys(files).length, 10);
    end.writeUInt32LE(list.length, 12);
    end.writeUInt32LE(at, 16);
    return Buffer.concat([...parts, list, end]);
}
