import { describe, expect, it } from 'vitest';
import { configExample } from './config-example.ts';
import { problemsOf } from './config-text.fixture.ts';
import { parseControllerConfig } from './load.ts';

describe('controller.yaml', () => {
  it('must list the controller itself, which gives its address', () => {
    const text = configExample('controller');
    const config = parseControllerConfig(text, '/etc/controller.yaml');
    expect(config.advertise).toEqual({ host: '10.0.0.1', port: 7400 });
    expect(config.timing).toEqual({ tickMs: 100, heartbeatMs: 100, electionMs: 500 });
    const other = text.replace('name: c1', 'name: c9');
    expect(problemsOf(() => parseControllerConfig(other, 'controller.yaml'))).toEqual([
      expect.stringMatching(/name is 'c9', which controllers does not list \(c1, c2, c3\)$/),
    ]);
  });

  it('enters a group by join instead', () => {
    const text = configExample('controller').replace(/^controllers:\n(?: .*\n)+/m, '');
    const join = `${text}\njoin: {controllers: ['10.0.0.2:7400'], token: c4.131.0011223344556677}\n`;
    const config = parseControllerConfig(join, '/etc/controller.yaml');
    expect(config.controllers).toEqual([]);
    expect(config.join).toEqual({
      controllers: [{ host: '10.0.0.2', port: 7400 }],
      token: 'c4.131.0011223344556677',
    });
    expect(problemsOf(() => parseControllerConfig(text, 'controller.yaml'))).toEqual([
      expect.stringMatching(/the file has neither controllers nor join/),
    ]);
    const both = `${configExample('controller')}\njoin: {controllers: ['10.0.0.2:7400']}\n`;
    expect(problemsOf(() => parseControllerConfig(both, 'controller.yaml'))).toEqual([
      expect.stringMatching(/the file has controllers and join/),
    ]);
  });

  it('refuses an election timeout that a heartbeat or two would reach', () => {
    const text = `${configExample('controller')}\ntiming: {heartbeatMs: 200}\n`;
    expect(problemsOf(() => parseControllerConfig(text, 'controller.yaml'))[0]).toMatch(
      /timing.electionMs is 500: it must be at least 4 times timing.heartbeatMs \(200\)$/,
    );
  });
});
