// Cells as CSV (RFC 4180).

/** The columns that say on which line of a person's own file a row was: that of a workbook, and that of a correction. */
export const SHEET_ROW = "_sheetRow", OWN_LINE = "_ownLine";

/** @param {string} cell */
export const quoted = cell => /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll("\"", "\"\"")}"` : cell;
