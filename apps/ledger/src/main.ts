import '#program/supported-node';

const { run } = await import('./run.js');

await run(process.argv.slice(2));
