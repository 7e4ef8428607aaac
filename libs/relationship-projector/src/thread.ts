import { parentPort, workerData } from 'node:worker_threads';
import { runProjector, type ProjectorPlaces } from './run-projector.js';

// The entry of the projector's thread. An error that is thrown here ends the thread, and its parent gets an `error` event.
if (!parentPort) throw new Error('This is the entry of a worker thread');
const port = parentPort;
const stopping = new AbortController();
port.once('message', () => stopping.abort());

await runProjector(workerData as ProjectorPlaces, stopping.signal, (news) => port.postMessage(news));
port.close();
