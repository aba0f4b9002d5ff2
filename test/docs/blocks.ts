// The parts of a page that the code writes: each stands between `<!-- generated: name -->` and `<!-- /generated -->`,
// on lines of their own.

const CLOSING = '<!-- /generated -->';
const OPENING = /^<!-- generated: (\w+) -->$/;

/** The page with every block as the code has it. Throws when page and code do not have the same blocks, each once. */
export function withBlocks(page: string, blocks: ReadonlyMap<string, string>): string {
  const lines: string[] = [];
  const filled = new Set<string>();
  let open: string | null = null;
  for (const line of page.split('\n')) {
    const name = OPENING.exec(line)?.[1];
    if (name !== undefined) {
      const block = blocks.get(name);
      if (open !== null) throw new Error(`the block "${open}" is not closed before "${name}" begins`);
      if (!block) throw new Error(`there is nothing to generate for the block "${name}"`);
      if (filled.has(name)) throw new Error(`the block "${name}" is there twice`);
      lines.push(line, block);
      filled.add(name);
      open = name;
    } else if (line === CLOSING) {
      if (open === null) throw new Error(`a block is closed that was not opened, after "${lines.at(-1)}"`);
      lines.push(line);
      open = null;
    } else if (/<!--\s*\/?\s*generated/.test(line)) throw new Error(`"${line}" is no marker of a block`);
    else if (open === null) lines.push(line);
  }
  if (open !== null) throw new Error(`the block "${open}" is not closed`);
  const missing = [...blocks.keys()].filter((name) => !filled.has(name));
  if (missing.length > 0) throw new Error(`the page has no block "${missing.join('", "')}"`);
  return lines.join('\n');
}
