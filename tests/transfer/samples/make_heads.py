"""Writes heads.json: the beginnings of files by real encoders.

Needs Debian's ffmpeg, sox with libsox-fmt-all, lame, flac, opus-tools, vorbis-tools and mkvtoolnix:
`python tests/transfer/samples/make_heads.py`. The tests need none of them.
"""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 2 * 1024
FFMPEG: Final = "ffmpeg -nostdin -loglevel error -y -bitexact"
VIDEO: Final = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=4"
AUDIO: Final = "-f lavfi -i aevalsrc='0.4*sin(440*2*PI*t)+0.1*random(0)':d=4:s=48000"
PHONE: Final = "-f lavfi -i aevalsrc='0.4*sin(440*2*PI*t)+0.1*random(0)':d=4:s=8000"
H264_AAC: Final = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest"

# Name, and the command that writes it to {out}. {wav} and {phone} are tones of 4 s, {mp4} a video with sound.
COMMANDS: Final = {
    # ISO base media
    "mp4": f"{FFMPEG} {VIDEO} {AUDIO} {H264_AAC} -f mp4 {{out}}",
    "mp4 moov first": f"{FFMPEG} -i {{mp4}} -c copy -movflags faststart -f mp4 {{out}}",
    "mp4 fragmented": f"{FFMPEG} -i {{mp4}} -c copy -movflags frag_keyframe+empty_moov -f mp4 {{out}}",
    "mp4 cmaf": f"{FFMPEG} -i {{mp4}} -c copy -movflags cmaf+frag_keyframe+empty_moov -f mp4 {{out}}",
    "mov": f"{FFMPEG} -i {{mp4}} -c copy -f mov {{out}}",
    "m4a": f"{FFMPEG} {AUDIO} -c:a aac -f ipod {{out}}",
    "m4a alac": f"{FFMPEG} {AUDIO} -c:a alac -f ipod {{out}}",
    "m4v": f"{FFMPEG} {VIDEO} -c:v mpeg4 -f mp4 -brand M4V {{out}}",
    "3gp": f"{FFMPEG} {VIDEO} {PHONE} -s 176x144 -c:v h263 -c:a aac -shortest -f 3gp {{out}}",
    "3g2": f"{FFMPEG} {VIDEO} {PHONE} -s 176x144 -c:v h263 -c:a aac -shortest -f 3g2 {{out}}",
    "f4v": f"{FFMPEG} -i {{mp4}} -c copy -f f4v {{out}}",
    "ismv": f"{FFMPEG} -i {{mp4}} -c copy -f ismv {{out}}",
    "mp4 hevc": f"{FFMPEG} {VIDEO} -c:v libx265 -x265-params log-level=none -preset ultrafast -f mp4 {{out}}",
    "mp4 av1": f"{FFMPEG} {VIDEO} -t 1 -c:v libaom-av1 -cpu-used 8 -f mp4 {{out}}",
    # Matroska
    "mkv": f"{FFMPEG} -i {{mp4}} -c copy -f matroska {{out}}",
    "mkv by mkvmerge": "mkvmerge -q -o {out} {mp4}",
    "mka": f"{FFMPEG} {AUDIO} -c:a flac -f matroska {{out}}",
    "webm vp8": f"{FFMPEG} {VIDEO} {AUDIO} -c:v libvpx -c:a libopus -shortest -f webm {{out}}",
    "webm vp9": f"{FFMPEG} {VIDEO} -c:v libvpx-vp9 -cpu-used 8 -f webm {{out}}",
    "webm live": f"{FFMPEG} {VIDEO} -c:v libvpx -live 1 -f webm {{out}}",
    "weba": f"{FFMPEG} {AUDIO} -c:a libopus -f webm {{out}}",
    # MPEG
    "mpeg-ts": f"{FFMPEG} -i {{mp4}} -c copy -f mpegts {{out}}",
    "mpeg-ts 192": f"{FFMPEG} -i {{mp4}} -c copy -f mpegts -mpegts_m2ts_mode 1 {{out}}",
    "mpeg-ts audio": f"{FFMPEG} {AUDIO} -c:a aac -f mpegts {{out}}",
    "mpeg-ps": f"{FFMPEG} {VIDEO} {AUDIO} -c:v mpeg2video -c:a mp2 -shortest -f vob {{out}}",
    "mpeg-1 system": f"{FFMPEG} {VIDEO} {AUDIO} -c:v mpeg1video -c:a mp2 -shortest -f mpeg {{out}}",
    "mpeg-1 video": f"{FFMPEG} {VIDEO} -c:v mpeg1video -f mpeg1video {{out}}",
    "mpeg-2 video": f"{FFMPEG} {VIDEO} -c:v mpeg2video -f mpeg2video {{out}}",
    "mpeg-4 visual": f"{FFMPEG} {VIDEO} -c:v mpeg4 -f m4v {{out}}",
    "h261": f"{FFMPEG} {VIDEO} -s 176x144 -c:v h261 -f h261 {{out}}",
    "h263": f"{FFMPEG} {VIDEO} -s 176x144 -c:v h263 -f h263 {{out}}",
    "h264 annex b": f"{FFMPEG} -i {{mp4}} -an -c copy -bsf:v h264_mp4toannexb -f h264 {{out}}",
    "h265 annex b": f"{FFMPEG} {VIDEO} -c:v libx265 -x265-params log-level=none -preset ultrafast -f hevc {{out}}",
    "av1 obu": f"{FFMPEG} {VIDEO} -t 1 -c:v libaom-av1 -cpu-used 8 -f obu {{out}}",
    "mp3 id3v2.4": f"{FFMPEG} {AUDIO} -c:a libmp3lame -metadata title=Meeting -f mp3 {{out}}",
    "mp3 id3v2.3": f"{FFMPEG} {AUDIO} -c:a libmp3lame -metadata title=Meeting -id3v2_version 3 -f mp3 {{out}}",
    "mp3 no tag": f"{FFMPEG} {AUDIO} -c:a libmp3lame -write_xing 0 -id3v2_version 0 -f mp3 {{out}}",
    "mp3 by lame": "lame --quiet {wav} {out}",
    "mp3 vbr by lame": "lame --quiet -V2 --tt Meeting --add-id3v2 {wav} {out}",
    "mp3 mpeg-2.5": "lame --quiet -b 8 --resample 8 {phone} {out}",
    "mp3 320 kbit/s": "lame --quiet -b 320 {wav} {out}",
    "mp2": f"{FFMPEG} {AUDIO} -c:a mp2 -f mp2 {{out}}",
    "adts": f"{FFMPEG} {AUDIO} -c:a aac -f adts {{out}}",
    "adts with id3": f"{FFMPEG} {AUDIO} -c:a aac -metadata title=Meeting -write_id3v2 1 -f adts {{out}}",
    "latm": f"{FFMPEG} {AUDIO} -c:a aac -f latm {{out}}",
    # Audio
    "flac": "flac --silent -o {out} {wav}",
    "wav": f"{FFMPEG} {AUDIO} -f wav {{out}}",
    "wav float": f"{FFMPEG} {AUDIO} -c:a pcm_f32le -f wav {{out}}",
    "wav mu-law": f"{FFMPEG} {PHONE} -c:a pcm_mulaw -f wav {{out}}",
    "wav gsm": f"{FFMPEG} {PHONE} -c:a libgsm_ms -f wav {{out}}",
    "wav g722": f"{FFMPEG} {PHONE} -ar 16000 -c:a g722 -f wav {{out}}",
    "rf64": f"{FFMPEG} {AUDIO} -rf64 always -f wav {{out}}",
    "w64": f"{FFMPEG} {AUDIO} -f w64 {{out}}",
    "aiff": f"{FFMPEG} {AUDIO} -f aiff {{out}}",
    "aifc": "sox {phone} -t aiffc {out}",
    "caf": f"{FFMPEG} {AUDIO} -f caf {{out}}",
    "caf opus": f"{FFMPEG} {AUDIO} -c:a libopus -f caf {{out}}",
    "au": f"{FFMPEG} {AUDIO} -f au {{out}}",
    "amr": "sox {phone} -t amr-nb {out}",
    "ogg opus": "opusenc --quiet {wav} {out}",
    "ogg vorbis": "oggenc --quiet -o {out} {wav}",
    "ogg flac": "flac --silent --ogg -o {out} {wav}",
    "ogg speex": f"{FFMPEG} {PHONE} -c:a libspeex -f ogg {{out}}",
    "ogg theora": f"{FFMPEG} {VIDEO} -c:v libtheora -f ogg {{out}}",
    "ac3": f"{FFMPEG} {AUDIO} -c:a ac3 -f ac3 {{out}}",
    "eac3": f"{FFMPEG} {AUDIO} -c:a eac3 -f eac3 {{out}}",
    "dts": f"{FFMPEG} {AUDIO} -strict -2 -c:a dca -f dts {{out}}",
    "truehd": f"{FFMPEG} {AUDIO} -strict -2 -c:a truehd -f truehd {{out}}",
    "wavpack": f"{FFMPEG} {AUDIO} -c:a wavpack -f wv {{out}}",
    "tta": f"{FFMPEG} {AUDIO} -c:a tta -f tta {{out}}",
    "voc": f"{FFMPEG} {PHONE} -c:a pcm_u8 -f voc {{out}}",
    "nist sphere": "sox {phone} -t nist {out}",
    "ircam": f"{FFMPEG} {AUDIO} -f ircam {{out}}",
    "8svx": "sox {phone} -t 8svx {out}",
    "paf": "sox {phone} -t paf {out}",
    "sox": "sox {phone} -t sox {out}",
    "real audio": f"{FFMPEG} {PHONE} -c:a real_144 -f rm {{out}}",
    "wma": f"{FFMPEG} {AUDIO} -c:a wmav2 -f asf {{out}}",
    "adx": f"{FFMPEG} {AUDIO} -c:a adpcm_adx -f adx {{out}}",
    # Video
    "avi": f"{FFMPEG} {VIDEO} {AUDIO} -c:v mpeg4 -c:a libmp3lame -shortest -f avi {{out}}",
    "avi mjpeg": f"{FFMPEG} {VIDEO} -c:v mjpeg -f avi {{out}}",
    "flv": f"{FFMPEG} -i {{mp4}} -c copy -f flv {{out}}",
    "flv audio": f"{FFMPEG} {AUDIO} -ar 44100 -c:a libmp3lame -f flv {{out}}",
    "wmv": f"{FFMPEG} {VIDEO} {AUDIO} -c:v wmv2 -c:a wmav2 -shortest -f asf {{out}}",
    "wtv": f"{FFMPEG} {VIDEO} -c:v mpeg2video -f wtv {{out}}",
    "mxf": f"{FFMPEG} {VIDEO} {AUDIO} -c:v mpeg2video -c:a pcm_s16le -shortest -f mxf {{out}}",
    "mxf op-atom": f"{FFMPEG} {VIDEO} -s 1920x1080 -c:v dnxhd -b:v 120M -pix_fmt yuv422p -f mxf_opatom {{out}}",
    "gxf": f"{FFMPEG} {VIDEO} -s 720x576 -c:v mpeg2video -f gxf {{out}}",
    "ivf vp8": f"{FFMPEG} {VIDEO} -c:v libvpx -f ivf {{out}}",
    "ivf av1": f"{FFMPEG} {VIDEO} -t 1 -c:v libaom-av1 -cpu-used 8 -f ivf {{out}}",
    "y4m": f"{FFMPEG} {VIDEO} -f yuv4mpegpipe {{out}}",
    "nut": f"{FFMPEG} -i {{mp4}} -c copy -f nut {{out}}",
    "real video": f"{FFMPEG} {VIDEO} -c:v rv20 -f rm {{out}}",
    "dv": f"{FFMPEG} {VIDEO} -target pal-dv -an {{out}}",
    "swf": f"{FFMPEG} {VIDEO} -c:v flv -f swf {{out}}",
    "dirac": f"{FFMPEG} {VIDEO} -c:v vc2 -strict -1 -pix_fmt yuv422p10 -f dirac {{out}}",
    "mjpeg": f"{FFMPEG} {VIDEO} -s 64x48 -q:v 31 -c:v mjpeg -f mjpeg {{out}}",
    "mpjpeg": f"{FFMPEG} {VIDEO} -c:v mjpeg -f mpjpeg {{out}}",
    # No signature at all: telephony and raw samples.
    "raw mu-law": f"{FFMPEG} {PHONE} -f mulaw {{out}}",
    "raw a-law": f"{FFMPEG} {PHONE} -f alaw {{out}}",
    "raw a-law, quiet": f"{FFMPEG} {PHONE} -af volume=0.02 -f alaw {{out}}",
    "raw mu-law, quiet": f"{FFMPEG} {PHONE} -af volume=0.02 -f mulaw {{out}}",
    "raw a-law, silence": f"{FFMPEG} -f lavfi -i anullsrc=r=8000 -t 4 -f alaw {{out}}",
    "raw mu-law, silence": f"{FFMPEG} -f lavfi -i anullsrc=r=8000 -t 4 -f mulaw {{out}}",
    "raw pcm s16le": f"{FFMPEG} {PHONE} -f s16le {{out}}",
    "raw pcm s16le, quiet": f"{FFMPEG} {PHONE} -af volume=0.002 -f s16le {{out}}",
    "raw pcm s16be, quiet": f"{FFMPEG} {PHONE} -af volume=0.002 -f s16be {{out}}",
    "raw pcm s16le, silence": f"{FFMPEG} -f lavfi -i anullsrc=r=8000 -t 4 -f s16le {{out}}",
    "raw pcm s24le": f"{FFMPEG} {PHONE} -f s24le {{out}}",
    "raw pcm s32le, quiet": f"{FFMPEG} {PHONE} -af volume=0.0001 -f s32le {{out}}",
    "raw pcm u8": f"{FFMPEG} {PHONE} -f u8 {{out}}",
    "raw pcm u8, quiet": f"{FFMPEG} {PHONE} -af volume=0.05 -f u8 {{out}}",
    "raw pcm s8, quiet": f"{FFMPEG} {PHONE} -af volume=0.05 -f s8 {{out}}",
    "raw pcm f32le": f"{FFMPEG} {PHONE} -f f32le {{out}}",
    "raw gsm": f"{FFMPEG} {PHONE} -c:a libgsm -f gsm {{out}}",
    "raw g722": f"{FFMPEG} {PHONE} -ar 16000 -c:a g722 -f g722 {{out}}",
    "raw g726": f"{FFMPEG} {PHONE} -c:a g726 -f g726 {{out}}",
    "raw g723.1": f"{FFMPEG} {PHONE} -c:a g723_1 -b:a 6300 -f g723_1 {{out}}",
    "raw dialogic adpcm": "sox {phone} -t vox {out}",
    "raw sbc": f"{FFMPEG} {AUDIO} -c:a sbc -f sbc {{out}}",
    "raw aptx": f"{FFMPEG} {AUDIO} -c:a aptx -f aptx {{out}}",
    "raw codec2": f"{FFMPEG} {PHONE} -c:a libcodec2 -f codec2raw {{out}}",
    "raw yuv": f"{FFMPEG} {VIDEO} -f rawvideo {{out}}",
}


def main() -> int:
    """Run every encoder and write how its file begins."""
    heads = {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = {name: str(Path(folder, name)) for name in ("wav", "phone", "mp4")}
        _run(f"{FFMPEG} {AUDIO} -ac 1 -f wav {inputs['wav']}")
        _run(f"{FFMPEG} {PHONE} -ac 1 -f wav {inputs['phone']}")
        _run(COMMANDS["mp4"].format(out=inputs["mp4"]))
        for number, (name, command) in enumerate(COMMANDS.items()):
            out = Path(folder, f"{number}.dv" if name == "dv" else f"{number}.out")
            if _run(command.format(out=out, **inputs)):
                with out.open("rb") as file:
                    heads[name] = base64.b64encode(zlib.compress(file.read(HEAD_BYTES), 9)).decode()
            else:
                sys.stderr.write(f"no {name}\n")
    target = Path(__file__).with_name("heads.json")
    target.write_text(json.dumps(heads, indent=0) + "\n", encoding="utf-8")
    return 0


def _run(command: str) -> bool:
    done = subprocess.run([shutil.which("sh") or "sh", "-c", command], check=False, timeout=120)
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
