import { openApiDocument } from './openapi.js';
import { unservedApplication } from './unserved-application.js';

process.stdout.write(`${JSON.stringify(openApiDocument(await unservedApplication()), null, 2)}\n`);
