// A bar chart as SVG: one bar per contestant, with the least and the most of the rounds as a whisker.

export interface Bar {
  label: string;
  median: number;
  min: number;
  max: number;
  isOurs: boolean;
}

const WIDTH = 760;
const LABELS = 210;
const BAR = 22;
const GAP = 12;
const HEAD = 44;

export function barChart(title: string, bars: readonly Bar[]): string {
  const height = HEAD + bars.length * (BAR + GAP) + 8;
  const most = Math.max(1, ...bars.map(({ max }) => max));
  const x = (value: number) => LABELS + (value / most) * (WIDTH - LABELS - 80);
  const drawn = bars.map(({ label, median, min, max, isOurs }, index) => {
    const y = HEAD + index * (BAR + GAP);
    const middle = y + BAR / 2;
    return [
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${(x(median) - LABELS).toFixed(1)}" height="${BAR}" rx="2" fill="${isOurs ? '#c2410c' : '#64748b'}"/>`,
      `<path d="M${x(min).toFixed(1)} ${middle}H${x(max).toFixed(1)}" stroke="#0f172a" stroke-width="1.5"/>`,
      `<text x="${(x(Math.max(max, median)) + 8).toFixed(1)}" y="${middle + 4}">${Math.round(median)}</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13"><title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/><text x="12" y="26" font-size="15" font-weight="600">${escapeXml(title)}</text>${drawn.join('')}</svg>\n`;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
