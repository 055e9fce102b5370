// Reads our logs and writes logs for us with Go's own packages (golang.org/x/mod/sumdb/tlog and note) and with torchwood.
// Nothing of Veche is in here: what it accepts and what it makes, other people's code accepted and made.
//
//	log DIR VKEY         verify a log in a folder; proofs for the sizes and indices given as JSON on standard input
//	proof POLICY FILE    verify a .tlog-proof for the entry on standard input
//	checkpoint POLICY FILE
//	write DIR ORIGIN     write a log of the entries given as JSON on standard input, its policy and its proofs
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	args := os.Args[1:]
	commands := map[string]func(string, string) error{"log": verifyLog, "proof": verifyProof, "checkpoint": verifyCheckpoint, "write": writeLog}
	if len(args) != 3 || commands[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "log | proof | checkpoint | write, and two arguments")
		os.Exit(64)
	}
	if err := commands[args[0]](args[1], args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// folder is a log as static files.
type folder string

func (f folder) ReadTiles(_ context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), torchwood.TilePath(tile)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadEndpoint(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), path))
}

type wanted struct {
	Indices []int64 `json:"indices"`
	Old     []int64 `json:"old"`
}

type shown struct {
	Size        int64                      `json:"size"`
	Root        tlog.Hash                  `json:"root"`
	Inclusion   map[int64]tlog.RecordProof `json:"inclusion"`
	Consistency map[int64]tlog.TreeProof   `json:"consistency"`
	Older       map[int64]tlog.Hash        `json:"older"`
}

func verifyLog(dir, vkey string) error {
	var asked wanted
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	if checkpoint.Origin != verifier.Name() {
		return fmt.Errorf("origin %s, key %s", checkpoint.Origin, verifier.Name())
	}
	hashes := torchwood.TileHashReaderWithContext(context.Background(), checkpoint.Tree, folder(dir))
	root, err := tlog.TreeHash(checkpoint.N, hashes)
	if err != nil {
		return err
	}
	if root != checkpoint.Hash {
		return fmt.Errorf("the tiles give the root %s", root)
	}
	// Every entry, authenticated by the tiles.
	client, err := torchwood.NewClient(folder(dir))
	if err != nil {
		return err
	}
	count := int64(0)
	for index, entry := range client.AllEntries(context.Background(), checkpoint.Tree, 0) {
		if index != count {
			return fmt.Errorf("entry %d came as %d", count, index)
		}
		count++
		if index%251 != 0 && count != checkpoint.N {
			continue
		}
		proof, err := tlog.ProveRecord(checkpoint.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, index, tlog.RecordHash(entry)); err != nil {
			return err
		}
	}
	if err := client.Err(); err != nil {
		return err
	}
	if count != checkpoint.N {
		return fmt.Errorf("%d entries, the checkpoint says %d", count, checkpoint.N)
	}
	out := shown{checkpoint.N, root, map[int64]tlog.RecordProof{}, map[int64]tlog.TreeProof{}, map[int64]tlog.Hash{}}
	for _, index := range asked.Indices {
		if out.Inclusion[index], err = tlog.ProveRecord(checkpoint.N, index, hashes); err != nil {
			return err
		}
	}
	for _, old := range asked.Old {
		if out.Older[old], err = tlog.TreeHash(old, hashes); err != nil {
			return err
		}
		if out.Consistency[old], err = tlog.ProveTree(checkpoint.N, old, hashes); err != nil {
			return err
		}
		if err := tlog.CheckTree(out.Consistency[old], checkpoint.N, checkpoint.Hash, old, out.Older[old]); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func readPolicy(file string) (torchwood.Policy, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return torchwood.ParsePolicy(text)
}

func verifyProof(policyFile, proofFile string) error {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return err
	}
	proof, err := os.ReadFile(proofFile)
	if err != nil {
		return err
	}
	entry, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if extra, err := torchwood.ProofExtraData(proof); err == nil && !bytes.Equal(extra, entry) {
		return fmt.Errorf("the extra data is not the entry")
	}
	return torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof)
}

func verifyCheckpoint(policyFile, file string) error {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(data, policy)
	if err != nil {
		return err
	}
	fmt.Println(checkpoint.Origin, checkpoint.N, checkpoint.Hash)
	return nil
}

// memory holds the hashes of a tree in the order of Go's package.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, m[index])
	}
	return found, nil
}

func save(dir, path string, data []byte) error {
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func writeLog(dir, origin string) error {
	var entries []string
	if err := json.NewDecoder(os.Stdin).Decode(&entries); err != nil {
		return err
	}
	skey, vkey, err := note.GenerateKey(nil, origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	witness, err := torchwood.NewCosignatureSigner("witness.example/go", private)
	if err != nil {
		return err
	}
	var hashes memory
	for number, entry := range entries {
		added, err := tlog.StoredHashes(int64(number), []byte(entry), hashes)
		if err != nil {
			return err
		}
		hashes = append(hashes, added...)
	}
	size := int64(len(entries))
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return err
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return err
		}
		if err := save(dir, torchwood.TilePath(tile), data); err != nil {
			return err
		}
		if tile.L != 0 {
			continue
		}
		var bundle []byte
		for i := tile.N * torchwood.TileWidth; i < tile.N*torchwood.TileWidth+int64(tile.W); i++ {
			if bundle, err = torchwood.AppendTileEntry(bundle, []byte(entries[i])); err != nil {
				return err
			}
		}
		tile.L = -1
		if err := save(dir, torchwood.TilePath(tile), bundle); err != nil {
			return err
		}
	}
	text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}.String()
	checkpoint, err := note.Sign(&note.Note{Text: text}, signer, witness)
	if err != nil {
		return err
	}
	if err := save(dir, "checkpoint", checkpoint); err != nil {
		return err
	}
	policy := fmt.Sprintf("log %s\nwitness go %s\nquorum go\n", vkey, witness.Verifier())
	if err := save(dir, "policy", []byte(policy)); err != nil {
		return err
	}
	for index := range size {
		proof, err := tlog.ProveRecord(size, index, hashes)
		if err != nil {
			return err
		}
		file := torchwood.FormatProofWithExtraData(index, []byte(entries[index]), proof, checkpoint)
		if err := save(dir, fmt.Sprintf("%d.tlog-proof", index), file); err != nil {
			return err
		}
	}
	fmt.Println(strings.TrimSpace(vkey))
	return nil
}
