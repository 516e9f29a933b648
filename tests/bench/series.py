"""Small series for the scoreboard's tests: 12 slices of 16 x 16 voxels, 2.5 mm apart."""

from pydicom.dataset import Dataset

from tests.archive.makers import dataset, uid, voxels


def small(n: int = 12) -> list[Dataset]:
    """A regular CT series, in order of position, as traps are made of."""
    return [
        dataset(
            pixels,
            SOPInstanceUID=uid("bench", k),
            InstanceNumber=k + 1,
            PixelSpacing=[0.8, 0.7],
            ImagePositionPatient=[-5.5, 7.25, round(100 + 2.5 * k, 3)],
        )
        for k, pixels in enumerate(voxels((n, 16, 16)))
    ]
