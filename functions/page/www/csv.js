// Cells as CSV (RFC 4180).

/** @param {string} cell */
export const quoted = cell => /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll("\"", "\"\"")}"` : cell;
