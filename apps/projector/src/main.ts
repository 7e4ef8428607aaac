import '#program/supported-node';

await import('./projector.js');
