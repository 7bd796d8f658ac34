// CSV as spreadsheets write and read it: UTF-8 with a mark, quotes doubled, no cell that a spreadsheet would run.

const DANGEROUS = /^[=+\-@\t\r]/;

function cell(value) {
  let text = value == null ? '' : String(value);
  if (DANGEROUS.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const writeCsv = (rows) => `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;

/** Rows of cells. Separated by commas, or by semicolons or tabs where the first line has more of these. */
export function readCsv(text) {
  const plain = text.replace(/^\ufeff/, '');
  const head = plain.split('\n', 1)[0];
  const separator = [';', '\t'].reduce((best, one) => (head.split(one).length > head.split(best).length ? one : best), ',');
  const rows = [];
  let row = [];
  let value = '';
  let quoted = false;
  const endCell = () => {
    row.push(/^'[=+\-@\t\r]/.test(value) ? value.slice(1) : value);
    value = '';
  };
  const endRow = () => {
    endCell();
    if (row.some((one) => one.trim() !== '')) rows.push(row);
    row = [];
  };
  for (let i = 0; i < plain.length; i++) {
    const c = plain[i];
    if (quoted) {
      if (c !== '"') value += c;
      else if (plain[i + 1] === '"') value += plain[i++];
      else quoted = false;
    } else if (c === '"' && value === '') quoted = true;
    else if (c === separator) endCell();
    else if (c === '\n') endRow();
    else if (c !== '\r') value += c;
  }
  endRow();
  return rows;
}
