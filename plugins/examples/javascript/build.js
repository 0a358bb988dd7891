// Makes change-window.wasm of policy.js: `npm ci --ignore-scripts && npm run build`.
import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { component, imports } = await componentize({
  sourcePath: here('./policy.js'),
  witPath: here('../../../wit'),
  worldName: 'verifier',
  // A policy gets no clock, randomness, streams or network: with any of these left in, the host refuses it by name.
  disableFeatures: ['clocks', 'random', 'stdio', 'http', 'fetch-event'],
});
const output = process.argv[2] ?? here('./change-window.wasm');
await writeFile(output, component);
console.log(`${output}: ${component.length} bytes, imports ${JSON.stringify(imports)}`);
