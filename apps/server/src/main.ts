import '#program/supported-node';

await import('./server.js');
