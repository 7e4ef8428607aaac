import { defineConfig } from 'orval';

export default defineConfig({
  ledger: {
    input: process.env['OPENAPI']!,
    output: {
      target: 'generated/api.ts',
      client: 'fetch',
      baseUrl: process.env['LEDGER_URL']!,
      // An answer has the type of what was asked for; a problem is thrown.
      override: { fetch: { forceSuccessResponse: true } },
    },
  },
});
