/**
 * The connections of all clients, and the answers they read. There is so much room; when it is full, whoever takes most of it gives some up:
 * however many connections one client opens, another's stay.
 */
import type {ServerResponse} from 'node:http';
import type {Socket} from 'node:net';
import {pipeline} from 'node:stream/promises';
import {clientOf, Shares} from './clients.js';

/** What there is for all clients together, and how long for each answer. */
export interface Room {
  readonly connections: number;
  /** Bytes of bodies on their way; one that many read counts once. */
  readonly bodyBytes: number;
  /** How long nothing of an answer may be taken, ms. */
  readonly stalledMs: number;
  /** How long all of it may take, ms. */
  readonly answerMs: number;
}

/** One that is open. */
interface Connection {
  readonly peer: string;
  readonly client: string;
  readonly socket: Socket;
  /** Requests that have no answer yet, or one that isn't out. */
  underWay: number;
  /** It ends when nothing is under way. */
  isRetired: boolean;
}

/** A body on its way. */
interface Reading {
  readonly connection: Connection;
  readonly body: Buffer;
}

/** So much of a body is handed over at once: what a client doesn't take is not copied, nor encrypted, for it. */
const pieceBytes = 65_536;

/** Knows them all. */
export class Connections {
  readonly #room: Room;
  readonly #byPeer = new Map<string, Connection>();
  /** Of each client, those first that have been idle longest. */
  readonly #open = new Shares<Connection>();
  readonly #readings = new Shares<Reading>();
  /** How many read it. */
  readonly #readers = new Map<Buffer, number>();
  #bodyBytes = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Takes in one that was accepted. Where there is no room it is closed at once, or one of whoever has more is. */
  open(socket: Socket): void {
    const {remoteAddress} = socket;
    // It has gone again.
    if (remoteAddress === undefined) return void socket.destroy();
    const connection = {peer: peerOf(socket), client: clientOf(remoteAddress), socket, underWay: 0, isRetired: false};
    this.#byPeer.set(connection.peer, connection);
    this.#open.add(connection.client, connection);
    socket.once('close', () => this.#forget(connection));
    if (this.#byPeer.size > this.#room.connections) this.#end(this.#oneTooMany(connection));
  }

  /** A request has come in; with TLS on another socket than the one that was accepted. */
  begin(socket: Socket, response: ServerResponse): void {
    const connection = this.#byPeer.get(peerOf(socket));
    if (!connection) return void socket.destroy();
    connection.underWay++;
    response.once('close', () => {
      connection.underWay--;
      if (connection.underWay > 0 || this.#byPeer.get(connection.peer) !== connection) return;
      if (connection.isRetired) connection.socket.destroy();
      // It is the one now that has been idle for the shortest time.
      this.#open.delete(connection.client, connection);
      this.#open.add(connection.client, connection);
    });
  }

  /** Sends what follows the headers. It is done when all of it is handed over, or the connection is closed. */
  async send(socket: Socket, response: ServerResponse, body: Buffer): Promise<void> {
    const connection = this.#byPeer.get(peerOf(socket));
    if (!connection) return void socket.destroy();
    const reading = {connection, body};
    this.#hold(reading);
    const end = () => this.#end(connection);
    const stalled = setTimeout(end, this.#room.stalledMs);
    const late = setTimeout(end, this.#room.answerMs);
    function* pieces() {
      for (let at = 0; at < body.length; at += pieceBytes) {
        yield body.subarray(at, at + pieceBytes);
        stalled.refresh();
      }
    }
    try {
      // One that is closed before it has everything is its own affair.
      await pipeline(pieces, response).catch(() => {});
    } finally {
      clearTimeout(stalled);
      clearTimeout(late);
      this.#release(reading);
    }
  }

  /** Ends all, those with something under way after that. */
  retire(): void {
    for (const connection of this.#byPeer.values())
      if (connection.underWay === 0) connection.socket.destroy();
      else connection.isRetired = true;
  }

  /** Of the client that has most: one that is idle, or else the oldest; or this new one, where that is its own client. */
  #oneTooMany(newest: Connection): Connection {
    const theirs = this.#open.of(this.#open.greediest(newest.client));
    const idle = theirs.find((each) => each.underWay === 0 && each !== newest);
    return idle ?? (theirs.includes(newest) ? newest : theirs[0]) ?? newest;
  }

  #hold(reading: Reading): void {
    const {body, connection} = reading;
    const readers = this.#readers.get(body) ?? 0;
    this.#readers.set(body, readers + 1);
    if (readers === 0) this.#bodyBytes += body.length;
    this.#readings.add(connection.client, reading);
    // One there is always room for.
    while (this.#bodyBytes > this.#room.bodyBytes && this.#readers.size > 1) {
      const [oldest = reading] = this.#readings.of(this.#readings.greediest());
      this.#end(oldest.connection);
      this.#release(oldest);
    }
  }

  #release(reading: Reading): void {
    const {body, connection} = reading;
    if (!this.#readings.delete(connection.client, reading)) return;
    const readers = (this.#readers.get(body) ?? 0) - 1;
    if (readers > 0) return void this.#readers.set(body, readers);
    this.#readers.delete(body);
    this.#bodyBytes -= body.length;
  }

  /** At once: what the kernel still has for it is given back too. */
  #end(connection: Connection): void {
    this.#forget(connection);
    connection.socket.resetAndDestroy();
  }

  #forget(connection: Connection): void {
    if (this.#byPeer.get(connection.peer) === connection) this.#byPeer.delete(connection.peer);
    this.#open.delete(connection.client, connection);
  }
}

function peerOf({remoteAddress, remotePort, localAddress, localPort}: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
