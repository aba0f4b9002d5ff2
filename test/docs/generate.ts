// npm run generate: writes what the documents take from the code.
import { writeFileSync } from 'node:fs';
import { generatedFiles, SPEC } from './generated.ts';

for (const [file, content] of generatedFiles()) {
  writeFileSync(new URL(file, SPEC), content);
  console.log(`spec/${file}`);
}
