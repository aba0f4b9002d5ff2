// npm run generate: writes what the documents take from the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles, SPEC } from './generated.ts';

for (const [file, content] of generatedFiles()) {
  writeFileSync(join(SPEC, file), content);
  console.log(`spec/${file}`);
}
